"""The command that shows what a run gets wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from ranat.cli.application import TRAIN, Data, Json, app, err, examples
from ranat.cli.printing import print_json, print_table
from ranat.disk import check_free


@app.command(
    group=TRAIN,
    help_epilogue=examples(
        "ranat errors runs/standard",
        "ranat errors runs/standard --split dev -o dev.html",
        "ranat errors runs/rat --json",
    ),
)
def errors(
    run: Path,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])] = Path("errors.html"),
    split: Literal["dev", "test"] = "test",
    data: Data = None,
    json: Json = False,
) -> None:
    """Show what a run gets wrong: each error judged, counted by what it is like, and the worst sentences highlighted.

    Reads the run's predictions and its corpus; the model is not run.

    Args:
        run: A run folder.
        out: The page, one HTML file, which must not be there.
        split: dev or test.
    """
    from ranat.training.errors import run_errors

    check_free(out)
    found = run_errors(run, split=split, data=data, console=err)
    found.write(out)
    if json:
        print_json(found.to_dict())
    else:
        counts = found.analysis.counts
        rows = [
            [
                verdict,
                "" if verdict == "invented" else str(counts.gold[verdict]),
                "" if verdict == "missed" else str(counts.predicted[verdict]),
                meaning,
            ]
            for verdict, meaning in found.analysis.judging.verdicts.items()
        ]
        print_table(["", "gold", "predicted", ""], rows, right=(1, 2))
    err.print(f"the errors are in {out}")
