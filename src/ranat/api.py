"""The Python door: what the command line does with runs, with the same defaults, checks and messages."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ranat.attacks import Attack, attacks
from ranat.errors import UsageError, UserError
from ranat.gates import Gate, gates
from ranat.registry import Registry
from ranat.runs.folder import RunFolder
from ranat.runs.identity import to_go_on_from
from ranat.runs.nested import merge
from ranat.runs.settings import FROM_RUN, Settings, read_settings
from ranat.tasks import tasks
from ranat.terminal import Console

if TYPE_CHECKING:
    from ranat.extraction import Extractor
    from ranat.formats import How

Options = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, repr=False)
class Run:
    """A run folder: what it was trained with, its scores and cost, and its model.

        run = ranat.Run("runs/standard")
        run.metrics["test"]["f1"]
        run.extractor().extract("Naloxone reverses the effect of clonidine.")

    Args:
        folder: that `ranat.train` or `ranat train` wrote.
    Raises:
        UserError: no run is there.
    """

    folder: Path

    def __init__(self, folder: str | Path) -> None:
        object.__setattr__(self, "folder", Path(folder).expanduser())
        _ = self.settings  # so that a wrong folder is told here

    @property
    def settings(self) -> Settings:
        """Every setting, resolved."""
        return RunFolder(self.folder).settings()

    @property
    def metrics(self) -> dict[str, Any]:
        """Scores: {"dev", "test", "per_type", "splits", "definition", "remarks"}; "dev" and "test" have "f1" in [0, 1].

        Raises:
            UserError: the run is not finished, or the file is damaged.
        """
        return RunFolder(self.folder).metrics()

    @property
    def cost(self) -> dict[str, Any]:
        """Counted passes, forward-equivalents ("xfp") and seconds of the training.

        Raises:
            UserError: the run is not finished, or the file is damaged.
        """
        return RunFolder(self.folder).cost()

    def evaluate(
        self,
        *,
        split: str = "test",
        on: str | Path | None = None,
        how: How | None = None,
        data: str | Path | None = None,
        progress: bool = True,
    ) -> dict[str, Any]:
        """Score its model, as `ranat evaluate`.

        Args:
            split: "train", "dev" or "test".
            on: another corpus than the run's own: a name or a folder.
            how: files of a corpus of one's own are read; None: as the run's own were, others strictly.
            data: the folder of corpora; default: RANAT_DATA, else the user's cache folder.
            progress: shown on standard error.
        Returns:
            The scores, with "corpus", "split", "notices" and "definition".
        Raises:
            UserError: see `ranat.training.evaluate.evaluate`.
        """
        from ranat.training.evaluate import evaluate

        corpus = None if on is None else str(on)
        return evaluate(self.folder, split=split, on=corpus, how=how, data=_path(data), console=_console(progress))

    def extractor(
        self,
        *,
        ner: Run | str | Path | Iterable[Run | str | Path] = (),
        re: Run | str | Path | None = None,
        min_score: float = 0.0,
        precision: str = "auto",
    ) -> Extractor:
        """An extractor with its model, and others beside it.

        Args:
            ner: more models that find entities: runs, folders, installed models or hub ids.
            re: one that finds relations, if this run's does not.
            min_score: what scores less is left out.
            precision: "auto", "fp32", "bf16" or "fp16".
        Raises:
            UserError: the run's task has no part in extraction, or a model cannot be loaded.
            UsageError: this run finds relations, and so does `re`.
        """
        from ranat.extraction import Extractor

        name = str(self.settings.task)
        stage = tasks.get(name).stage
        others = [ner] if isinstance(ner, Run | str | Path) else ner
        taggers, relation = [_model(one) for one in others], None if re is None else _model(re)
        if stage is None:
            raise UserError(f"the task {name} has no part in extraction", where=str(self.folder))
        if stage == "entities":
            taggers.insert(0, str(self.folder))
        elif relation is not None:
            raise UsageError("is given, but this run finds relations itself", where="re", remedy="leave it out")
        else:
            relation = str(self.folder)
        return Extractor.load(ner=taggers, re=relation, min_score=min_score, precision=precision)

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    def _repr_html_(self) -> str:
        """Scores and cost as a table, for notebooks."""
        if not RunFolder(self.folder).finished:
            return f"<p><code>{escape(str(self.folder))}</code> is not finished</p>"
        metrics, cost, names = self.metrics, self.cost, ("precision", "recall", "f1")
        rows = "".join(
            f"<tr><th>{split}</th>{''.join(f'<td>{100 * metrics[split][name]:.2f}</td>' for name in names)}</tr>"
            for split in ("dev", "test")
            if split in metrics
        )
        caption = f"{self.folder}: {self.settings.model} on {self.settings.corpus}, {self.settings.regime}"
        head = "<tr><th></th><th>precision</th><th>recall</th><th>F1</th></tr>"
        notes = "; ".join([f"{cost['xfp']:,.10g} forward-equivalents", *metrics["remarks"]])
        return f"<table><caption>{escape(caption)}</caption>{head}{rows}</table><p>{escape(notes)}</p>"


def train(
    config: str | Path | None = None,
    *,
    corpus: str | Path | None = None,
    model: str | Path | None = None,
    task: str | None = None,
    attack: str | Options | Attack | None = None,
    gate: str | Options | Gate | None = None,
    base: Run | str | Path | None = None,
    add: str | Path | Iterable[str | Path] = (),
    out: str | Path | None = None,
    data: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    **sections: Options,
) -> Run:
    """Fine-tune a backbone on a corpus, as `ranat train`: the same settings give the same weights.

        ranat.train(corpus="demo", model="minilm", attack=PGD(steps=3), gate=Bernoulli(p=0.5), train={"epochs": 6})

    Args:
        config: a YAML file of settings; what is given here wins over it.
        corpus: a corpus by name, or a file or folder of annotated documents.
        model: an alias, a hub id or a folder.
        task: default: what the corpus is for.
        attack: its name, {"name": …} with its options, or an attack; None: as in `config`, else standard training.
        gate: its name, the section `rat` ({"gate": …, "p": …}), or a gate; its seed is that of the run.
        base: a run to go on from: its model, and its settings for all that is not given here (`--from`).
        add: files of annotated documents to train on, too. What corrects a document of train takes its place; what is
            in dev or test is left out.
        out: the run folder; default: runs/CORPUS-MODEL-REGIME-SEED.
        data: the folder of corpora; default: RANAT_DATA, else the user's cache folder.
        resume: go on from the last whole checkpoint.
        overwrite: replace the run that the folder holds.
        progress: shown on standard error.
        sections: the other sections of a config file: train={"epochs": 3, "seed": 1}, read, rat, or a task's own.
    Raises:
        UsageError: a setting is wrong.
        UserError: something that can be mended; nothing was written then, or the run can be resumed.
    """
    from ranat.training.run import default_folder
    from ranat.training.run import train as train_run

    given: dict[str, Any] = dict(sections)
    files = [add] if isinstance(add, str | Path) else add
    given |= {"corpus": _text(corpus), "model": _text(model), "task": task}
    given["add"] = [str(_path(one)) for one in files] or None
    given["attack"] = _section(attack, "attack", "name", attacks)
    if gate is not None:
        given["rat"] = merge(sections.get("rat", {}), _section(gate, "gate", "gate", gates) or {})
    started = None if base is None else to_go_on_from(Path(_model(base)).expanduser())
    settings = read_settings(_path(config), given, base=started)
    folder = Path(out) if out is not None else default_folder(settings)
    console = _console(progress)
    train_run(settings, folder, data=_path(data), resume=resume, overwrite=overwrite, console=console)
    return Run(folder)


def compare(runs: Iterable[Run | str | Path]) -> dict[str, Any]:
    """Runs of one task and corpus side by side, grouped by what differs in the seed alone, as `ranat compare --json`.

    Returns:
        {"comparisons": [{"answer": a sentence, "groups": …}]}, see `ranat.experiments.compare.compare`.

    Raises:
        UserError: see `ranat.experiments.compare.compare`.
        UsageError: there is no run.
    """
    from ranat.experiments.compare import compare as compare_runs

    folders = [run.folder if isinstance(run, Run) else Path(run) for run in runs]
    if not folders:
        raise UsageError("name at least one run folder")
    return compare_runs(folders)


def _section(given: Any, what: str, key: str, registry: Registry[Any]) -> dict[str, Any] | None:
    """A component as a section of settings: from its name, its options, or itself."""
    if given is None or isinstance(given, Mapping):
        return None if given is None else dict(given)
    if isinstance(given, str):
        return {key: given}
    name = next((name for name in registry.names() if registry.get(name) is type(given)), None)
    if name is None:
        remedy = f"give the name of one, its options, or one whose class is registered: {', '.join(registry.names())}"
        raise UsageError(f"is no {what} that is registered: {given!r}", where=what, remedy=remedy)
    options = {field.name: getattr(given, field.name) for field in dataclasses.fields(given)}
    for field in dataclasses.fields(given):
        if what == "gate" and field.name in FROM_RUN and options.pop(field.name) != field.default:
            remedy = f'leave it out, or say gate={{"gate": "{name}", …}}; train={{"seed": …}} sets the seed'
            raise UsageError("is the run's", where=f"gate.{field.name}", remedy=remedy)
    return {key: name, **options}


def _console(progress: bool) -> Console | None:
    return Console(stderr=True) if progress else None


def _model(one: Run | str | Path) -> str:
    return str(one.folder if isinstance(one, Run) else one)


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given).expanduser()


def _text(given: str | Path | None) -> str | None:
    return None if given is None else str(given)
