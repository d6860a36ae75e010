"""The model card of a run: its README.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ranat.corpora import Corpus
from ranat.runs.settings import Settings

_KEPT = {
    "best": "The epoch was chosen on dev, so only test is an estimate.",
    "last": "The last epoch was kept; dev was not used to choose it.",
}


def render_card(settings: Settings, metrics: dict[str, Any], cost: dict[str, Any], corpus: Corpus) -> str:
    """Data, settings, scores, cost and limits, in Markdown."""
    rows = [
        f"| {split} | {metrics['splits'][split]['documents']} | "
        + " | ".join(f"{100 * metrics[split][name]:.2f}" for name in ("precision", "recall", "f1"))
        + " |"
        for split in ("dev", "test")
        if split in metrics
    ]
    attacked, batches = cost["attacked_batches"], cost["batches"]
    plain = 3 * batches
    return "\n".join(
        [
            f"# {settings.model} on {settings.corpus}: {settings.regime}",
            "",
            f"Trained by RanAT4BIE (`ranat train`) on {metrics['splits']['train']['documents']} training documents of "
            f"{settings.corpus} ({corpus.form} form; fraction used: {settings.train.fraction:g}).",
            *_added(settings, metrics["splits"]["train"].get("added")),
            "",
            "| split | documents | precision | recall | F1 |",
            "| --- | ---: | ---: | ---: | ---: |",
            *rows,
            "",
            f"F1 here is {metrics['definition']}. {_KEPT[settings.train.keep]}",
            *_missed(metrics),
            *(f"Mind: {remark}." for remark in metrics["remarks"]),
            "",
            "## Cost",
            "",
            f"{attacked} of {batches} batches were attacked: {cost['forward']} forward, {cost['backward']} backward, "
            f"{cost['backward_to_input']} backward-to-input passes, {cost['xfp']} forward-equivalents "
            f"({cost['xfp'] / plain:.2f} times standard training), {cost['train_seconds']:.0f} s in training steps.",
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


def _added(settings: Settings, facts: Mapping[str, int] | None) -> list[str]:
    """What was trained on beside the corpus."""
    if facts is None:
        return []
    files = ", ".join(f"`{name}` (SHA-256 {digest[:12]}…)" for name, digest in settings.add.items())
    return [
        f"{facts['documents']} of them were added from {files}; they replaced {facts['replaced']} of the corpus. "
        f"{facts['left_out']} more were left out, as their text is in dev or test."
    ]


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
        for split in ("dev", "test")
        for name, what in said.items()
        if metrics.get(split, {}).get(name)
    ]
