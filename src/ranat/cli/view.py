"""The command that shows documents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ranat.cli.application import CORRECT, Json, app, err, examples
from ranat.cli.extraction import Inputs, Lines, check_inputs, finish, input_format
from ranat.cli.printing import print_json
from ranat.cli.reading import Columns, From, Lenient, how_of
from ranat.errors import UsageError

_KINDS = (".html", ".svg")


@app.command(
    group=CORRECT,
    help_epilogue=examples(
        "ranat view found -o found.html",
        "ranat view corpus.pubtator brat-folder",
        "ranat view found --document 19770298 -o figure.svg",
    ),
)
def view(
    *input: Inputs,
    out: Annotated[Path, Parameter(name=["--out", "-o"])] = Path("view.html"),
    document: str | None = None,
    from_: From = None,
    lines: Lines = False,
    columns: Columns = None,
    lenient: Lenient = None,
    max_characters: int = 5_000_000,
    json: Json = False,
) -> None:
    """Show documents with their entities and relations: a page with search and filters, or one document as a drawing.

    The page is one file that fetches nothing; documents with the lowest scores come first. It can be read again as
    input of every command.

    Args:
        input: Files, folders, the output of an extraction, globs, or - for standard input.
        out: The file to write, which must not be there: .html for a page, .svg for a drawing of one document.
        document: The id of the one to draw; default: the first.
        max_characters: A longer document counts as unreadable.
    """
    from ranat.extraction import convert

    check_inputs(input)
    suffix = out.suffix.lower()
    if suffix not in _KINDS:
        raise UsageError("is neither a page nor a drawing", where=f"--out {out}", remedy="end it in .html or .svg")
    how = how_of(input_format(from_, lines), columns, lenient)
    if suffix == ".html":
        if document is not None:
            raise UsageError("is for drawings", where="--document", remedy="name one with --out figure.svg")
        result = convert.convert(input, out, "html", how=how, max_characters=max_characters, console=err)
        err.print(f"the page is {out}")
        finish(result, json)
    else:
        from ranat.disk import drafted
        from ranat.view.svg import to_svg

        chosen = convert.one(input, document, how=how, max_characters=max_characters)
        with drafted(out, "ranat view") as draft:
            draft.write_text(to_svg(chosen), encoding="utf-8")
        err.print(f"the drawing is {out}")
        if json:
            print_json({"document": chosen.id})
