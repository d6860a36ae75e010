"""Commands that give a model to others: push, package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ranat.cli.application import SHARE, Json, app, err, examples
from ranat.cli.printing import print_json, print_text


@app.command(
    group=SHARE,
    help_epilogue=examples("ranat push runs/chem OWNER/chem-ner", "ranat push runs/chem OWNER/chem-ner --public"),
)
def push(run: Path, name: str, *, public: bool = False, json: Json = False) -> None:
    """Upload the model of a finished run to the Hugging Face hub: weights, tokenizer and card, nothing else of the run.

    The card names the settings, paths of a corpus of one's own included. HF_TOKEN or `hf auth login` says who you are.

    Args:
        run: A run folder; a damaged one is refused.
        name: OWNER/NAME on the hub; made if it is not there.
        public: Whether everyone may see what is made; default: its owner alone.
    """
    from ranat.runs.sharing import push as push_run

    with err.status(f"uploading {run} as {name}"):
        address = push_run(run, name, public=public)
    if json:
        print_json({"name": name, "commit": address})
        return
    print_text(f"{name} is uploaded: {address}")
    err.print(f"use it with `ranat extract --ner {name}`, or --re if it finds relations")


@app.command(
    group=SHARE,
    help_epilogue=examples(
        "ranat package runs/chem --name chem-ner", "pip install dist/ranat_model_chem_ner-1.0.0-py3-none-any.whl"
    ),
)
def package(
    run: Path,
    *,
    name: str | None = None,
    version: str = "1.0.0",
    out: Annotated[Path, Parameter(name=["--out", "-o"])] = Path("dist"),
    json: Json = False,
) -> None:
    """Make a wheel of the model of a finished run: where it is installed, `--ner NAME` finds it, without any network.

    Args:
        run: A run folder; a damaged one is refused.
        name: Of the model; default: that of the run folder.
        version: Of the wheel.
        out: The folder to write it to.
    """
    from ranat.runs.sharing import package as package_run

    with err.status(f"packing {run}"):
        wheel = package_run(run, out, name=name, version=version)
    if json:
        print_json({"wheel": str(wheel)})
        return
    print_text(f"{wheel} is written; `pip install {wheel}` brings the model")
