"""Commands on text: extract, convert."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ranat.cli import listing
from ranat.cli.application import EXTRACT, Json, app, err, examples, lists
from ranat.cli.printing import print_json, print_text
from ranat.cli.reading import Columns, From, Lenient, how_of
from ranat.errors import UsageError
from ranat.terminal import counted, plain_json

if TYPE_CHECKING:
    from ranat.extraction.job import Job

Inputs = Annotated[str, Parameter(allow_leading_hyphen=True)]  # as "-" is standard input
Ner = Annotated[list[str] | None, Parameter(help="A run, model folder or hub id that finds entities; may be repeated.")]
Format = Annotated[str | None, Parameter(name=["--to", "--format"])]
RawCsv = Annotated[
    bool, Parameter(name="--raw-csv", negative="", help="Cells of CSV as they are, also those that begin as formulas.")
]
Lines = Annotated[bool, Parameter(help="Each line of a text file is a document: --from lines.")]


@app.command(
    group=EXTRACT,
    help_epilogue=examples(
        "ranat extract --ner runs/chem --ner runs/gene --re runs/chemprot abstracts/ -o found",
        "ranat extract --ner runs/chem pubmed26n*.xml.gz -o found --to parquet --resume",
        "echo 'Naloxone reverses clonidine.' | ranat extract --ner runs/chem -",
        "ranat extract --ner runs/chem abstracts.jsonl -o abstracts.html",
        "ranat extract --verify found",
        "sbatch --array=1-8 --wrap "
        "'ranat extract --ner runs/chem texts/ -o found --part $SLURM_ARRAY_TASK_ID/8 --resume'",
    ),
)
@lists(listing.formats)
def extract(
    *input: Inputs,
    ner: Ner = None,
    re: str | None = None,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    to: Format = None,
    raw_csv: RawCsv = False,
    from_: From = None,
    lines: Lines = False,
    columns: Columns = None,
    lenient: Lenient = None,
    min_score: float = 0.0,
    precision: str = "auto",
    shard_size: int = 1000,
    max_characters: int = 1_000_000,
    resume: bool = False,
    part: str | None = None,
    ray: str | None = None,
    workers: int | None = None,
    verify: Path | None = None,
    inputs_gone: bool = False,
    json: Json = False,
) -> None:
    """Find entities, and relations between them, in raw text.

    Without --out the documents go to standard output as JSON lines. What is found takes the place of what the input has
    marked: of its entities with --ner, of its relations always.

    Args:
        input: Files, folders, globs, or - for standard input.
        re: One that finds relations; without --ner, between the entities that the input brings.
        out: A folder for shards, their manifest, and errors.jsonl if a document could not be read; or a file, if it has
            the suffix of one, such as found.html, which is there when all is done.
        to: Format of the output (jsonl).
        min_score: From 0 to 1; what scores less is left out.
        precision: auto, fp32, bf16 or fp16.
        shard_size: Documents in a file of the output.
        max_characters: A longer document counts as unreadable.
        resume: Go on with an output that was interrupted or damaged; it ends with the same bytes.
        part: Make the i-th of n parts, i/n, beside other processes that make the others, as the tasks of a job array
            do; when all are done the output is as if there had been no parts.
        ray: Send the shards to a Ray cluster: HOST:PORT of its head, or local to start one that only this machine
            reaches.
        workers: How many load the models there; default: one for each processor, or GPU where there are any.
        verify: Prove that every input document is in this output exactly once, with its text.
        inputs_gone: With --verify: inputs and models that are not there any more are no problem.
    """
    if verify is not None:
        if input or ner or re or out or part or resume or ray or workers:
            what = "proves what is in an output, and extracts nothing"
            raise UsageError(what, where="--verify", remedy="give it alone, with the folder of the output")
        _verify(verify, inputs_gone, json)
        return
    if inputs_gone:
        raise UsageError("is for --verify", where="--inputs-gone")
    check_inputs(input)
    from ranat.extraction.checks import format_of, is_file
    from ranat.extraction.parts import Part

    single = out if out is not None and is_file(out, to) else None
    of = None if part is None else Part.parsed(part)
    how = how_of(input_format(from_, lines), columns, ner is not None if lenient is None else lenient)
    from ranat.models.memory import kept

    with kept():  # importing torch takes seconds
        from ranat.extraction.job import Job
        from ranat.extraction.run import extract_to, extract_to_file

    job = Job(
        inputs=input,
        ner=tuple(ner or ()),
        re=re,
        format=_output_format(to or (format_of(single) if single else None) or "jsonl", raw_csv),
        how=how,
        min_score=min_score,
        precision=precision,
        shard_size=shard_size,
        max_characters=max_characters,
    )
    if out is None or single:
        flags = {"resume": resume, "part": part, "ray": ray, "workers": workers}
        if out is None:
            flags |= {"to": to not in (None, "jsonl")}
        for flag, given in flags.items():
            if given:
                raise UsageError("is for an output folder", where=f"--{flag}", remedy="name one with --out")
    if out is None:
        _to_standard_output(job)
        return
    if single:
        result = extract_to_file(job, single, console=err)
    else:
        result = extract_to(job, out, resume=resume, part=of, ray=ray, workers=workers, console=err)
    if json:
        print_json(result)
    else:
        _print_totals(result)
        if re and result["documents"] and not result["relations"]:
            err.print("no relation was found: pairs are of one sentence, and of types that the model of --re knows")
        err.print(f"the output is in {out}")
    if result["failures"]:
        see = "" if single else f"; see {out / 'errors.jsonl'}{' when all parts are done' if part else ''}"
        err.print(f"{counted(result['failures'], 'documents')} could not be read{see}")
        sys.exit(1)


@app.command(
    group=EXTRACT,
    help_epilogue=examples(
        "ranat convert corpus.pubtator -o corpus.jsonl",
        "ranat convert brat-folder -o corpus.bioc.xml",
        "ranat convert abstracts.csv --columns text=abstract,id=pmid -o abstracts --to brat",
    ),
)
@lists(listing.formats)
def convert(
    *input: Inputs,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    to: Format = None,
    raw_csv: RawCsv = False,
    from_: From = None,
    lines: Lines = False,
    columns: Columns = None,
    lenient: Lenient = None,
    max_characters: int = 5_000_000,
    json: Json = False,
) -> None:
    """Write documents in another format; whatever it cannot hold is counted and told.

    Args:
        input: Files, folders, globs, or - for standard input.
        out: The file to write, or the folder, where the format is one of folders.
        to: The format of the output; default: told by --out.
        max_characters: A longer document counts as unreadable.
    """
    from ranat.extraction.checks import format_of
    from ranat.extraction.convert import convert as convert_documents
    from ranat.formats import WRITERS

    check_inputs(input)
    how = how_of(input_format(from_, lines), columns, lenient)
    format = to or format_of(out)
    if format is None:
        remedy = f"--to {'|'.join(WRITERS.names())}"
        raise UsageError(f"does not tell its format: {out}", where="--out", remedy=remedy)
    chosen = _output_format(format, raw_csv)
    finish(convert_documents(input, out, chosen, how=how, max_characters=max_characters, console=err), json)


def finish(result: Mapping[str, Any], json: bool) -> None:
    """Print what was converted; a document that could not be read makes the command fail."""
    if json:
        print_json(result)
    else:
        _print_totals(result)
    if result["failures"]:
        sys.exit(1)


def check_inputs(given: tuple[str, ...]) -> None:
    """Make sure that inputs are named, and that none of the names is an option that is misspelt."""
    if not given:
        raise UsageError("name the input: files, folders, or - for standard input")
    for name in given:
        if name.startswith("-") and name != "-":
            raise UsageError(f"unknown option {name!r}", remedy=f"a file of that name is ./{name}")


def _output_format(to: str, raw_csv: bool) -> str:
    if raw_csv and to not in ("csv", "raw-csv"):
        raise UsageError("is for CSV", where="--raw-csv", remedy="say --to csv, or leave it out")
    return "raw-csv" if raw_csv else to


def input_format(from_: str | None, lines: bool) -> str | None:
    """The format that --from or --lines names."""
    if lines and from_ not in (None, "text", "lines"):
        raise UsageError("is for text", where="--lines", remedy=f"leave it out with --from {from_}")
    return "lines" if lines else from_


def _to_standard_output(job: Job) -> None:
    from ranat.documents import Document
    from ranat.extraction.run import extract_all
    from ranat.formats.jsonl import dumped

    failures = 0
    for kind, found in extract_all(job, err):
        if isinstance(found, Document):
            print(plain_json(dumped(found)), flush=True)
        else:
            failures += kind == "failure"
            err.print(f"not read: {found}" if kind == "failure" else found)
    if failures:
        sys.exit(1)


def _verify(out: Path, inputs_gone: bool, json: bool) -> None:
    from ranat.extraction.verify import verify

    result = verify(out, inputs_gone=inputs_gone)
    if json:
        print_json(result)
    else:
        for problem in result["problems"]:
            print_text(problem)
        if result["more"]:
            print_text(f"and {result['more']:,} problems more")
        if unchecked := result["not_checked"]:
            print_text(f"{len(unchecked):,} inputs and models are not there to be compared, the first {unchecked[0]}")
        if not result["problems"]:
            print_text(
                f"every document that was read of {result['inputs']:,} inputs is in the output exactly once: "
                f"{result['documents']:,}, and {result['failures']:,} that could not be read in errors.jsonl"
            )
    if result["problems"]:
        sys.exit(1)


def _print_totals(result: Mapping[str, Any]) -> None:
    counts = {
        name: count for name, count in result.items() if isinstance(count, int) and (count or name == "documents")
    }
    print_text(_said(counts))
    if lost := result["lost"]:
        err.print(f"left out, as the format cannot hold it: {_said(lost)}")
    for notice in result["left_out"][:5]:
        err.print(notice)
    if (more := len(result["left_out"]) - 5) > 0:
        err.print(f"and {more:,} notices more, which --json tells")


def _said(counts: Mapping[str, int]) -> str:
    return ", ".join(counted(count, what) for what, count in counts.items())
