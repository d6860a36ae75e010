"""The model card of a run: its README.md."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from ranat import corpora
from ranat.corpora import Corpus
from ranat.models.backbones import hub_id
from ranat.plainyaml import dump_yaml
from ranat.runs.settings import Settings

_METRICS = ("precision", "recall", "f1")
_KEPT = {
    "best": "The epoch was chosen on dev, so only test is an estimate.",
    "last": "The last epoch was kept; dev was not used to choose it.",
}


MODEL = "OWNER/NAME"
"""What stands in the card's snippets for the model, which does not know where it will lie."""

_PIPELINES = {"ner": "token-classification", "relation": "text-classification"}
"""Task → the hub's name of it."""


def render_card(settings: Settings, metrics: dict[str, Any], cost: dict[str, Any], corpus: Corpus) -> str:
    """The hub's front matter, then data, scores, use, cost, settings and limits, in Markdown."""
    front = _front_matter(settings, metrics)
    files = settings.add
    added = {Path(file).name: digest for file, digest in files.items()}
    names = {"corpus": _name(settings.corpus), "model": _name(settings.model), "add": added}
    settings = settings.model_copy(update=names)
    rows = [
        f"| {split} | {metrics['splits'][split]['documents']} | {_points(metrics[split])} |"
        for split in _scored(metrics)
    ]
    attacked, batches = cost["attacked_batches"], cost["batches"]
    plain = 3 * batches
    return "\n".join(
        [
            "---",
            front,
            "---",
            "",
            f"# {settings.model} on {settings.corpus}: {settings.regime}",
            "",
            f"Trained by RanAT4BIE (`ranat train`) on {metrics['splits']['train']['documents']} training documents of "
            f"{settings.corpus} ({corpus.form} form; fraction used: {settings.train.fraction:g}).",
            *_added(files, metrics["splits"]["train"].get("added")),
            "",
            "| split | documents | precision | recall | F1 |",
            "| --- | ---: | ---: | ---: | ---: |",
            *rows,
            "",
            f"F1 here is {metrics['definition']}. {_KEPT[settings.train.keep]}",
            *_missed(metrics),
            *(f"Mind: {remark}." for remark in metrics["remarks"]),
            *_per_type(metrics),
            *_use(settings),
            "",
            "## Cost",
            "",
            f"{attacked} of {batches} batches were attacked: {cost['forward']:.10g} forward, "
            f"{cost['backward']:.10g} backward, {cost['backward_to_input']:.10g} backward-to-input passes, "
            f"{cost['xfp']:.10g} forward-equivalents ({cost['xfp'] / plain:.2f} times standard training), "
            f"{cost['train_seconds']:.0f} s in training steps.",
            f"Examples with a gradient that was zero or not finite, so that no step was taken along it: "
            f"{cost['unusable_gradients']}.",
            "",
            "## Settings",
            "",
            "```yaml",
            settings.to_yaml().rstrip(),
            "```",
            "",
            "## Limits",
            "",
            "- It knows the types and the kind of text of its training corpus, and no others.",
            "- The licence of the corpus and of the backbone hold for the model, too.",
            "- It is no medical device; what it finds must be checked by a person before anyone acts on it.",
            "",
        ]
    )


def _name(value: str) -> str:
    """A folder's own name: where it lies means nothing to others, and tells of whose machine it is."""
    path = Path(value).expanduser()
    own = value not in corpora.names() and (path.is_absolute() or path.exists())
    return path.resolve().name if own else value


def _added(files: Mapping[str, str], facts: Mapping[str, int] | None) -> list[str]:
    """What was trained on beside the corpus."""
    if facts is None:
        return []
    told = ", ".join(f"`{Path(file).name}` (SHA-256 {digest[:12]}…)" for file, digest in files.items())
    return [
        f"{facts['documents']} of them were added from {told}; they replaced {facts['replaced']} of the corpus. "
        f"{facts['left_out']} more were left out, as their text is in dev or test."
    ]


def _front_matter(settings: Settings, metrics: dict[str, Any]) -> str:
    """What the hub reads: model-index, metrics, data set and base model (https://huggingface.co/docs/hub/model-cards)."""
    pipeline = _PIPELINES.get(str(settings.task))
    corpus = settings.corpus if settings.corpus in corpora.names() else "own"  # a path means nothing there
    base, dataset = hub_id(settings.model), corpora.on_the_hub(settings.corpus)
    split = _scored(metrics)[-1]
    scores = [
        {"type": name, "value": round(metrics[split][name], 4), "name": f"{name} on {split}"} for name in _METRICS
    ]
    result = {
        "task": {"type": pipeline or str(settings.task)},
        "dataset": {"name": corpus, "type": dataset or corpus, "split": split},
        "metrics": scores,
    }
    values: dict[str, Any] = {"library_name": "transformers", "tags": ["ranat", "biomedical", settings.training]}
    values |= {"pipeline_tag": pipeline} if pipeline else {}
    values |= {"base_model": base} if base else {}
    values |= {"datasets": [dataset]} if dataset else {}
    values |= {"metrics": list(_METRICS)}
    values |= {"model-index": [{"name": f"{base or 'own'} on {corpus}", "results": [result]}]}
    return dump_yaml(values).rstrip()


def _per_type(metrics: dict[str, Any]) -> list[str]:
    """A table of the scores of each type."""
    split = _scored(metrics)[-1]
    found = metrics["per_type"][split]
    rows = [f"| {_cell(name)} | {_points(one)} | {one['gold']} | {one['predicted']} |" for name, one in found.items()]
    head = ["| type | precision | recall | F1 | gold | predicted |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    return ["", f"## Each type, on {split}", "", *head, *rows] if rows else []


def _use(settings: Settings) -> list[str]:
    """Snippets that run as they stand once the model has its name; see `MODEL`."""
    lines = ["", "## Use", "", f"`{MODEL}` stands for its name on the hub, or for the folder that it lies in.", ""]
    if settings.task == "ner":
        lines += [
            "```python",
            "from transformers import pipeline",
            "",
            f'tagger = pipeline("token-classification", "{MODEL}", aggregation_strategy="first")',
            'print(tagger("Naloxone reverses the antihypertensive effect of clonidine."))',
            "```",
            "",
            "With `pip install ranat` sentences are cut and texts of any length are read to their end:",
            "",
            "```python",
            "from ranat import Extractor",
            "",
            f'extractor = Extractor.load(ner="{MODEL}")',
            'print(extractor.extract("Naloxone reverses the antihypertensive effect of clonidine.").entities)',
            "```",
        ]
    elif settings.task == "relation":
        lines += [
            "Relations are found between the entities that a document brings, or that another model finds (`ner=`):",
            "",
            "```python",
            "from ranat import Document, Entity, Extractor",
            "",
            f'extractor = Extractor.load(re="{MODEL}")',
            'entities = Entity("T1", "CHEMICAL", ((0, 9),)), Entity("T2", "GENE", ((19, 23),))',
            'print(extractor.extract(Document("1", "Cisplatin inhibits EGFR.", entities)).relations)',
            "```",
        ]
    else:
        lines += [f"Give it to `ranat evaluate` with the plug-in that has the task `{settings.task}`."]
    return lines


def _scored(metrics: dict[str, Any]) -> list[str]:
    return [split for split in ("dev", "test") if split in metrics]


def _points(scores: dict[str, Any]) -> str:
    return " | ".join(f"{100 * scores[name]:.2f}" for name in _METRICS)


def _cell(text: str) -> str:
    """Text from outside in a cell of a Markdown table."""
    return escape(" ".join(text.split())).replace("|", "&#124;")


def _missed(metrics: dict[str, Any]) -> list[str]:
    """What the scores count as missed because the model cannot hold it, and what is outside their definition."""
    said = {
        "unrepresentable": "that the model cannot represent, counted as missed",
        "not_candidates": "relations that are not between two entities of one sentence, not counted",
        "beyond_sentences": "relations that no sentence holds, counted as missed",
        "without_concept": "relations of mentions without a concept, not counted",
    }
    return [
        f"In {split}: {metrics[split][name]} {what}."
        for split in _scored(metrics)
        for name, what in said.items()
        if metrics[split].get(name)
    ]
