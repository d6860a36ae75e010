"""Commands on many runs: runs, reproduce, report, tune."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ranat.cli import listing
from ranat.cli.application import STUDY, TRAIN, Data, Json, Section, Sections, app, err, examples, lists, values
from ranat.cli.printing import duration, print_json, print_table, print_text
from ranat.cli.runs import ATTACK_HELP, RAT_HELP, TRAIN_HELP, settings_of
from ranat.errors import UsageError, UserError
from ranat.experiments import specs

if TYPE_CHECKING:
    from ranat.experiments.cards import Card
    from ranat.experiments.spec import Spec

SPECS_HELP = "A YAML file, or one of:\n" + "\n".join(f"{name}: {title}" for name, title in specs.titles().items())


@app.command(
    group=TRAIN,
    name="runs",
    help_epilogue=examples("ranat runs runs/", "ranat runs runs/ -o runs.html", "ranat runs runs/ --json"),
)
def runs_under(
    root: Path, *, out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None, json: Json = False
) -> None:
    """List the runs under a folder; or make a page of them, with their curves, cards and comparisons.

    Args:
        root: The folder that holds run folders, at any depth.
        out: The page, one HTML file that needs no network.
    """
    from ranat.experiments.overview import Overview

    overview = Overview.of(root, err)
    if out:
        from ranat.experiments.runs_page import write_page

        write_page(overview, out, err)
    if json:
        print_json(overview.to_dict())
    elif not out:
        head, rows = overview.table()
        print_table(head, rows, right=range(4, len(head)))
        for comparison in overview.comparisons:
            print_text(f"\n{comparison.result['corpus']}: {comparison.result['answer']}")


@app.command(
    group=STUDY,
    help_epilogue=examples(
        "ranat reproduce table2 --model pubmedbert --seeds 0-4 --out results/table2",
        "ranat reproduce table2 --model minilm --corpora ncbi-disease --seeds 0 --train.fraction 0.1 --out results/try",
        "ranat reproduce ablation-p --model minilm --jobs 2 --out results/p",
        "ranat reproduce table2 --model pubmedbert --estimate",
        "ranat reproduce my_grid.yaml --ray 10.0.0.1:6379 --jobs 8 --out /shared/results",
    ),
)
@lists(listing.training, listing.backbones, listing.corpora)
def reproduce(
    spec: Annotated[str, Parameter(help=SPECS_HELP)],
    *,
    model: str | None = None,
    seeds: str | None = None,
    corpora: str | None = None,
    train: Annotated[Section, Parameter(help="Over all else: --train.epochs, --train.fraction and so on.")] = None,
    out: Path | None = None,
    data: Data = None,
    jobs: int = 1,
    ray: str | None = None,
    keep_models: bool = False,
    estimate: bool = False,
    json: Json = False,
) -> None:
    """Run the grid of a published table, an ablation, or one's own; cells that are done are not run again.

    Each cell leaves a result card beside the published value. A cell that fails is recorded and tried again by the next
    call; a grid that was interrupted, however hard, goes on with the same command.

    Args:
        model: The backbone, instead of the spec's; rows about other backbones are then left out.
        seeds: Such as 0-4 or 0,3,7; default: the spec's.
        corpora: Such as ncbi-disease,bc2gm; default: the spec's.
        out: The results folder; default: results/SPEC-MODEL.
        jobs: How many cells run at a time.
        ray: "local", or the address of a Ray cluster that shares the file system.
        keep_models: Keep the trained weights of every cell.
        estimate: Only time a few steps of each kind on this machine, and say how long what is not done will take.
    """
    from ranat.experiments.grid.runner import run_grid
    from ranat.experiments.spec import read_spec

    if jobs < 1:
        raise UsageError(f"must be at least 1, not {jobs}", where="--jobs")
    chosen = read_spec(
        spec,
        model=model,
        corpora=corpora.split(",") if corpora else None,
        seeds=_numbers(seeds) if seeds else None,
        train=values("train", train or {}),
    )
    results = out or Path("results") / f"{chosen.name}-{Path(chosen.model).name}"
    if estimate:
        _estimate(chosen, results, data, jobs, json)
        return
    cards = run_grid(chosen, results, data=data, jobs=jobs, ray=ray, keep_models=keep_models, console=err)
    failed = [card for card in cards if card.status == "failed"]
    if json:
        print_json({"results": str(results), "cells": [_summary(card) for card in cards]})
    else:
        _print_cards(cards)
        for remark in chosen.remarks:
            print_text(remark)
    err.print(f"the result cards are in {results / 'cards'}")
    if failed:
        what = f"{len(failed)} of {len(cards)} cells failed; the first: {failed[0].error}"
        raise UserError(what, where=failed[0].cell, remedy="the same command tries them again")


@app.command(
    group=STUDY,
    help_epilogue=examples(
        "ranat report results/table2 -o report.html",
        "ranat report results/table1 results/table2 -o report.md -o report.tex",
    ),
)
def report(
    *results: Path,
    out: Annotated[tuple[Path, ...], Parameter(name=("--out", "-o"), show_default=False)] = (Path("report.html"),),
    json: Json = False,
) -> None:
    """Write tables beside the published values, tests, claims and plots from result cards.

    Args:
        results: Folders that `ranat reproduce` wrote.
        out: A file that ends in .html, .md or .tex, or several; default: report.html.
    """
    from ranat.experiments.report import write_report

    if not results:
        raise UsageError("name at least one results folder")
    written = [write_report(results, file, console=err) for file in out]
    if json:
        print_json(written[0])


@app.command(
    group=STUDY,
    help_epilogue=examples(
        "ranat tune --corpus ncbi-disease --model minilm --attack.name pgd --trials 30 --out studies/pgd",
        "ranat tune config.yaml --trials 50 --out studies/mine",
    ),
)
@lists(listing.attacks, listing.gates, listing.training, listing.tasks, listing.backbones, listing.corpora)
def tune(
    config: Path | None = None,
    *,
    corpus: str | None = None,
    model: str | None = None,
    task: str | None = None,
    attack: Annotated[Section, Parameter(help=ATTACK_HELP)] = None,
    rat: Annotated[Section, Parameter(help=RAT_HELP)] = None,
    train: Annotated[Section, Parameter(help=TRAIN_HELP)] = None,
    trials: int = 20,
    standard: bool = False,
    out: Path = Path("studies/study"),
    data: Data = None,
    json: Json = False,
    **sections: Sections,
) -> None:
    """Search the attack's radius and steps, and the learning rate, on dev F1; the same command goes on with a study.

    The settings given are the first trial, and the others are around them. best.yaml in the study's folder is a config
    file with the best.

    Args:
        config: A YAML file of settings, as `ranat train` takes it.
        corpus: A corpus by name, or a file or folder of annotated documents, divided into train, dev and test or not.
        model: The backbone, as `ranat train` takes it.
        task: Default: what the corpus is for. --TASK.OPTION sets its options.
        trials: How many there are in the end.
        standard: Search standard training as well, with as many trials, in OUT/standard. Else what the search gained
            may seem to be the attack's gain.
        out: The study's folder.
    """
    from ranat.experiments.tune import standard_arm
    from ranat.experiments.tune import tune as search

    given = {**sections, "attack": attack, "rat": rat, "train": train}
    settings = settings_of(config, {"corpus": corpus, "model": model, "task": task}, given)
    arm = standard_arm(settings) if standard else None
    result = search(settings, out, trials=trials, data=data, console=err)
    if arm:
        result["standard"] = search(arm, out / "standard", trials=trials, data=data, console=err)
    if json:
        print_json(result)
        return
    _print_study(result, out)
    if arm:
        print_text(f"\nstandard training, {trials} trials as well")
        _print_study(result["standard"], out / "standard")


def _print_study(result: Mapping[str, Any], out: Path) -> None:
    keys = list(result["best"]["params"])
    ranked = sorted(result["trials"], key=lambda trial: -trial["dev_f1"])
    rows = [
        [
            str(trial["number"]),
            *(f"{trial['params'][key]:.3g}" for key in keys),
            f"{100 * trial['dev_f1']:.2f}",
            "; ".join(trial["remarks"]),
        ]
        for trial in ranked
    ]
    print_table(["trial", *keys, "dev F1", ""], rows, right=range(len(keys) + 2))
    err.print(f"the best settings are in {out / 'best.yaml'}")


def _estimate(spec: Spec, results: Path, data: Path | None, jobs: int, json: bool) -> None:
    from ranat.experiments.grid.estimate import estimate_grid

    found = estimate_grid(spec, results, data=data, jobs=jobs, console=err)
    seconds = sum(estimate.seconds for _, estimate in found) / jobs
    if json:
        cells = [{"cell": cell.name, **estimate.to_dict()} for cell, estimate in found]
        print_json({"jobs": jobs, "seconds": seconds, "cells": cells})
        return
    rows = [[cell.name, f"{estimate.steps:,}", duration(estimate.seconds)] for cell, estimate in found]
    print_table(["cell", "steps", "time"], rows, right=(1, 2))
    how = f", {jobs} cells at a time" if jobs > 1 else ""
    print_text(f"\nabout {duration(seconds)} for {len(found)} cells on this machine{how}, without loading and saving")


def _numbers(text: str) -> list[int]:
    numbers: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        some = range(int(found[1]), int(found[2] or found[1]) + 1) if found else range(0)
        if not some:
            raise UsageError(f"cannot read {text!r}", where="--seeds", remedy="write 0-4 or 0,3,7")
        numbers += some
    return numbers


def _summary(card: Card) -> dict[str, Any]:
    keys = ("cell", "row", "corpus", "model", "seed", "status", "error", "dev", "test", "published", "comparable")
    return {key: getattr(card, key) for key in keys}


def _print_cards(cards: Sequence[Card]) -> None:
    """A row a row of the spec, a column a corpus: mean ± sd over seeds, and the published value below."""
    import numpy as np

    corpora = list(dict.fromkeys(card.corpus for card in cards))
    table = []
    for row in dict.fromkeys(card.row for card in cards):
        measured, published = [row], ["  published"]
        for corpus in corpora:
            here = [card for card in cards if (card.row, card.corpus) == (row, corpus)]
            f1 = [100 * scores["f1"] for card in here if (scores := card.test or card.dev)]
            spread = f" ± {np.std(f1, ddof=1):.2f}" if len(f1) > 1 else ""
            measured.append(f"{np.mean(f1):.2f}{spread}" if f1 else "failed")
            published.append(f"{100 * here[0].published['f1']:.2f}" if here[0].published else "")
        table += [measured, published] if any(published[1:]) else [measured]
    print_table(["F1", *(Path(corpus).name for corpus in corpora)], table, right=range(1, len(corpora) + 1))
    done = [card for card in cards if card.status == "done"]
    seeds = ", ".join(str(seed) for seed in sorted({card.seed for card in done}))
    print_text(f"{len(done)} of {len(cards)} cells done; mean ± sd over the seeds {seeds or 'none'}.")
    for reason in dict.fromkeys(reason for card in cards if card.published for reason in card.why_not):
        print_text(f"Not the published setting: {reason}.")
