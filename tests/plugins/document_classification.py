"""Document classification: a task in one file, as a plug-in brings it.

The class of a document is the type of the entity that spans its whole text. So any format of documents holds it, and
what a model finds is again a document.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import torch
from torch import Tensor
from transformers import AutoModelForSequenceClassification

from ranat.corpora import Corpus
from ranat.documents import Document, Entity
from ranat.errors import UserError
from ranat.evaluation.f1 import Answer
from ranat.tasks import Encoded, Task, register_task
from ranat.tasks.batches import logits_of
from ranat.tasks.padding import inputs
from ranat.tasks.windows import special_ends


@dataclass(frozen=True)
class DocumentOptions:
    """Which end of a text is kept that is longer than the model takes (Sun et al. 2019)."""

    keep: Literal["head", "tail"] = "head"


@register_task("document")
class DocumentClassification(Task):
    """f(X) = C: P(C | x) is the softmax of the logits of the first token's state, the class their argmax."""

    Options = DocumentOptions
    auto_class = AutoModelForSequenceClassification
    definition = "micro-F1 over the classes of documents, a class being the type of the entity over the whole text"

    @classmethod
    def for_corpus(cls, corpus: Corpus, tokenizer: Any, window: int, options: DocumentOptions | None = None) -> Self:
        """The classes of the training split."""
        classes = {kind for document in corpus.splits["train"] for _, kind in cls.answers(document)}
        if not classes:
            remedy = "annotate each text as a whole with its class"
            raise UserError("no document of the training split has a class", where=corpus.name, remedy=remedy)
        return cls(sorted(classes), tokenizer, window, options)

    @property
    def types(self) -> frozenset[str]:
        """The classes."""
        return frozenset(self.labels)

    def encode(self, documents: Sequence[Document]) -> Encoded:
        """A feature for each document that has a class."""
        classes = [next((kind for _, kind in sorted(self.answers(document))), None) for document in documents]
        features = [
            {**feature, "labels": self.labels.index(kind)}
            for feature, kind in zip(self._features(documents), classes, strict=True)
            if kind is not None
        ]
        without = classes.count(None)
        notices = (f"{without} documents without a class left out",) if without else ()
        return Encoded(features, notices, Counter(kind for kind in classes if kind is not None))

    def collate(self, features: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """(batch, tokens) tensors; labels (batch,)."""
        batch = inputs(features, self.tokenizer.pad_token_id, self.window)
        if "labels" in features[0]:
            batch["labels"] = torch.tensor([feature["labels"] for feature in features])
        return batch

    def prepare(self, documents: Sequence[Document]) -> tuple[list[Document], list[dict[str, Any]]]:
        """The documents and their tokens."""
        return list(documents), self._features(documents)

    def infer(self, model: Any, prepared: Any, *, batch_size: int = 64) -> list[Document]:
        """Documents with one entity, over the whole text; its score is P(C | x)."""
        documents, features = prepared
        predicted = [replace(document, entities=(), relations=()) for document in documents]
        for chosen, best in logits_of(model, features, self.collate, batch_size, _best):
            for index, score, number in zip(chosen, best.values.tolist(), best.indices.tolist(), strict=True):
                if text := documents[index].text:
                    whole = Entity("T1", self.labels[number], ((0, len(text)),), score=score)
                    predicted[index] = replace(predicted[index], entities=(whole,))
        return predicted

    @staticmethod
    def answers(document: Document) -> set[Answer]:
        """The document's class."""
        whole = ((0, len(document.text)),)
        return {(entity.spans, entity.type) for entity in document.entities if entity.spans == whole}

    def _features(self, documents: Sequence[Document]) -> list[dict[str, Any]]:
        before, after = special_ends(self.tokenizer)
        room = self.window - len(before) - len(after)
        part = slice(-room, None) if self.options.keep == "tail" else slice(room)
        texts = [document.text for document in documents]
        encodings = self.tokenizer.backend_tokenizer.encode_batch(texts, add_special_tokens=False)
        return [
            {
                "input_ids": [*before, *ids, *after],
                "special_tokens_mask": [1] * len(before) + [0] * len(ids) + [1] * len(after),
            }
            for ids in (encoding.ids[part] for encoding in encodings)
        ]


def _best(chosen: list[int], logits: Tensor) -> tuple[list[int], Any]:
    return chosen, logits.float().softmax(-1).max(-1)
