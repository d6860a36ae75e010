"""What tests of tagging share: a task, annotated documents, and a model that answers with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

import tiny
from ranat.documents import Document, Entity
from ranat.tasks.ner import IGNORED, NER
from ranat.tasks.padding import rounded

LABELS = ("O", "B-Chemical", "I-Chemical", "B-Disease", "I-Disease")


def ner(architecture: str = "bert", window: int = 64) -> NER:
    return NER(LABELS, tiny.tokenizer(architecture), window)


def document(text: str, *marked: tuple[str, str], id: str = "1") -> Document:
    """A document in which each of the strings is marked where it first stands."""
    entities = [
        Entity(f"T{i}", kind, ((text.index(mention), text.index(mention) + len(mention)),))
        for i, (mention, kind) in enumerate(marked)
    ]
    return Document(id, text, tuple(sorted(entities, key=lambda entity: entity.start)))


DOCUMENTS = [
    document(tiny.TEXTS[0], ("Cisplatin", "Chemical"), ("nephrotoxicity", "Disease"), ("ovarian cancer", "Disease")),
    document(tiny.TEXTS[3], id="2"),
    document("Imatinib , imatinib . " * 3 + tiny.TEXTS[2], ("chronic myeloid leukaemia", "Disease"), id="3"),
    document("Naloxone reverses clonidine\u200b hypotension.", ("Naloxone", "Chemical"), id="4"),
]


class Oracle:
    """A model that answers with the gold labels of features, in the order that `predict` asks; at random elsewhere."""

    device = torch.device("cpu")

    def __init__(self, features: Sequence[dict[str, Any]], n_labels: int) -> None:
        self._features = iter(sorted(features, key=lambda feature: -rounded(len(feature["input_ids"]))))
        self._n_labels, self._generator = n_labels, torch.Generator().manual_seed(0)

    def eval(self) -> None:
        pass

    def __call__(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> dict[str, torch.Tensor]:
        best = torch.randint(self._n_labels, input_ids.shape, generator=self._generator)
        for row, (ids, mask) in enumerate(zip(input_ids, attention_mask, strict=True)):
            feature = next(self._features)
            assert ids[mask.bool()].tolist() == feature["input_ids"]
            for token, label in enumerate(feature["labels"]):
                if label != IGNORED:
                    best[row, token] = label
        return {"logits": torch.nn.functional.one_hot(best, self._n_labels).float()}
