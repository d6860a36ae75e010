"""Relation extraction as classification of pairs of entities in a sentence (paper Eq. 29–32)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AddedToken, AutoModelForSequenceClassification

from ranat.corpora import Corpus
from ranat.documents import Document, Relation
from ranat.documents.pairs import Pair, PairTypes, candidates, relation_of
from ranat.errors import UserError
from ranat.evaluation.f1 import Answer, micro_scores
from ranat.models.entity_pair import EntityPairClassifier
from ranat.tasks.base import Encoded, Task, model_labels, register_task
from ranat.tasks.marking import MARKINGS, Marked
from ranat.tasks.padding import inputs

HEADS = {"cls": AutoModelForSequenceClassification, "entity": EntityPairClassifier}
"""Representation → the model that has it."""

_CHUNK = 1024


@dataclass(frozen=True, slots=True)
class _Example:
    """A pair as the model sees it.

    Args:
        document: the index of its document.
        pair: the pair.
        feature: input_ids, special_tokens_mask and, for the entity representation, positions; None: it does not fit.
    """

    document: int
    pair: Pair
    feature: dict[str, Any] | None


@register_task("relation")
class RelationClassification(Task):
    """f(X) = {(E₁, R, E₂), …} (Eq. 29): each candidate pair of a sentence gets one class (Eq. 30).

    The two entities are marked in the sentence, which then has its own x. P(R | x) is the softmax of the logits
    (Eq. 31), taken from the first token's state (`representation: cls`) or from the states at the two marks (`entity`);
    the relation is their argmax (Eq. 32), the negative class being none. Marks are words of the vocabulary.
    A sentence longer than the model takes is cut around the two entities; a pair that still does not fit is negative.
    """

    definition = (
        "micro-F1 over relations without the negative class: each pair of entities within a sentence whose types may "
        "be related is one instance; if a pair has several labels, the last one holds (BLURB)"
    )

    def __init__(
        self, labels: Sequence[str], tokenizer: Any, window: int, pairs: PairTypes, representation: str, marking: str
    ) -> None:
        self.labels, self.tokenizer, self.window, self.pairs = tuple(labels), tokenizer, window, pairs
        self.representation, self.marking = representation, marking
        self.auto_class, self._mark = HEADS[representation], MARKINGS[marking].mark
        self._ids = {label: number for number, label in enumerate(self.labels)}
        sample = tokenizer("a", return_special_tokens_mask=True)
        special = sample["special_tokens_mask"]
        first, last = special.index(0), len(special) - special[::-1].index(0)
        self._before, self._after = sample["input_ids"][:first], sample["input_ids"][last:]

    @classmethod
    def for_corpus(cls, corpus: Corpus, tokenizer: Any, window: int, **options: str) -> Self:
        """The negative class, then the relations between candidates of the training split.

        Args:
            corpus: the corpus.
            tokenizer: gets the marks as new words.
            window: the most tokens the model takes.
            options: "representation": "cls" or "entity"; "marking": "dummy" or "typed".
        """
        pairs = corpus.pairs or PairTypes.of(corpus.splits["train"])
        found = {pair.label for document in corpus.splits["train"] for pair in candidates(document, pairs).pairs}
        if not found - {pairs.negative}:
            raise UserError(
                "the training split has no relation between two entities of a sentence",
                where=corpus.name,
                remedy="annotate some, or check its format; `--task ner` finds entities",
            )
        marks = MARKINGS[options["marking"]].marks(pairs)
        tokenizer.add_tokens([AddedToken(mark, normalized=False) for mark in marks])
        return cls([pairs.negative, *sorted(found - {pairs.negative})], tokenizer, window, pairs, **options)

    @classmethod
    def for_model(cls, config: Any, tokenizer: Any, window: int) -> Self:
        """The classifier of a trained model."""
        pairs = PairTypes.from_dict(config.ranat["pairs"])
        options = config.ranat["representation"], config.ranat["marking"]
        return cls(model_labels(config), tokenizer, window, pairs, *options)

    @property
    def types(self) -> frozenset[str]:
        """The relations, without the negative class."""
        return frozenset(self.labels[1:])

    def new_model(self, backbone: str) -> Any:
        """A backbone with a fresh head; a mark starts as the mean of the words of its name."""
        model = super().new_model(backbone)
        old = model.get_input_embeddings().weight.shape[0]
        if len(self.tokenizer) > old:
            model.resize_token_embeddings(len(self.tokenizer))
        weight = model.get_input_embeddings().weight
        with torch.no_grad():
            for mark in MARKINGS[self.marking].marks(self.pairs):
                name = mark.strip("@$[]/").replace("-", " ").replace("_", " ").lower()
                ids = self.tokenizer(name, add_special_tokens=False)["input_ids"]
                weight[self.tokenizer.convert_tokens_to_ids(mark)] = weight[ids].mean(0)
        model.config.ranat = {
            "representation": self.representation,
            "marking": self.marking,
            "pairs": self.pairs.to_dict(),
        }
        return model

    def encode(self, documents: Sequence[Document]) -> Encoded:
        """A feature for each pair, with one label."""
        features = []
        classes = Counter(dict.fromkeys(self.labels, 0))
        unfit = 0
        for example in self._examples(self._pairs(documents)):
            if example.feature is None:
                unfit += 1
                continue
            classes[example.pair.label] += 1
            features.append({**example.feature, "labels": self._ids[example.pair.label]})
        apart, conflicts = self._outside(documents)
        notices = [
            (unfit, "pairs whose entities are further apart than the model takes left out"),
            (apart, "relations that are not between two entities of one sentence left out"),
            (conflicts, "relations of pairs that have another label later on left out"),
        ]
        return Encoded(features, tuple(f"{count} {what}" for count, what in notices if count), dict(classes))

    def collate(self, features: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """(batch, tokens) tensors; labels (batch,); positions (batch, 2) for the entity representation."""
        batch = inputs(features, self.tokenizer.pad_token_id)
        for name in ("positions", "labels"):
            if name in features[0]:
                batch[name] = torch.tensor([feature[name] for feature in features])
        return batch

    def loss(self, outputs: Any, labels: Tensor, num_items_in_batch: Tensor | int | None = None) -> Tensor:
        """Mean cross-entropy over pairs; of all accumulated batches if their number is given."""
        total = cross_entropy(outputs["logits"].float(), labels, reduction="sum")
        return total / (num_items_in_batch if num_items_in_batch is not None else len(labels))

    def predict(self, model: Any, documents: Sequence[Document], *, batch_size: int = 64) -> list[Document]:
        """Documents with predicted relations between the entities they have; pairs of like length share a batch."""
        waiting = [example for example in self._examples(self._pairs(documents)) if example.feature]
        waiting.sort(key=lambda example: len(example.feature["input_ids"]) if example.feature else 0)
        found: dict[int, list[Relation]] = defaultdict(list)
        model.eval()
        for start in range(0, len(waiting), batch_size):
            chunk = waiting[start : start + batch_size]
            batch = self.collate([example.feature for example in chunk if example.feature])
            del batch["special_tokens_mask"]
            with torch.inference_mode():
                logits = model(**{name: tensor.to(model.device) for name, tensor in batch.items()})["logits"]
            best = logits.float().softmax(-1).max(-1)
            for example, number, score in zip(chunk, best.indices.tolist(), best.values.tolist(), strict=True):
                if relation := relation_of(example.pair, self.labels[number], self.pairs, score):
                    found[example.document].append(relation)
        return [
            replace(document, relations=tuple(sorted(found[index], key=lambda r: (r.head, r.tail))))
            for index, document in enumerate(documents)
        ]

    def answers(self, document: Document) -> set[Answer]:
        """The related pairs of sentences; relations across sentences are outside the definition, see `score`."""
        return {
            ((relation.head, relation.tail), relation.type)
            for pair in candidates(document, self.pairs).pairs
            if (relation := relation_of(pair, pair.label, self.pairs))
        }

    def score(self, gold: Sequence[Document], predicted: Sequence[Document]) -> dict[str, Any]:
        """Micro scores, and:

        "unrepresentable": related pairs that do not fit the model, which count as missed; "not_candidates": gold
        relations that are not between two entities of one sentence, which do not count; "confusion": gold label →
        predicted label → pairs.
        """
        result = micro_scores([*map(self.answers, gold)], [*map(self.answers, predicted)])
        related = (item for item in self._pairs(gold) if item[2].label != self.pairs.negative)
        result["unrepresentable"] = sum(example.feature is None for example in self._examples(related))
        result["not_candidates"] = self._outside(gold)[0]
        confusion: dict[str, Counter[str]] = defaultdict(Counter)
        for one, other in zip(gold, predicted, strict=True):
            sides = (candidates(document, self.pairs).pairs for document in (one, other))
            for pair, found in zip(*sides, strict=True):
                confusion[pair.label][found.label] += 1
        result["confusion"] = {label: dict(confusion[label]) for label in sorted(confusion)}
        return result

    def _outside(self, documents: Sequence[Document]) -> tuple[int, int]:
        """Relations between no candidates, and those that a later one of the same pair overrules."""
        found = [candidates(document, self.pairs) for document in documents]
        return sum(len(item.apart) for item in found), sum(len(item.conflicts) for item in found)

    def _pairs(self, documents: Sequence[Document]) -> Iterator[tuple[int, Document, Pair]]:
        for index, document in enumerate(documents):
            yield from ((index, document, pair) for pair in candidates(document, self.pairs).pairs)

    def _examples(self, pairs: Iterator[tuple[int, Document, Pair]]) -> Iterator[_Example]:
        while chunk := list(islice(pairs, _CHUNK)):
            marked = [self._mark(document, pair, self.pairs) for _, document, pair in chunk]
            texts = [item.text for item in marked]
            encoded = self.tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True)
            for row, ((index, _, pair), item) in enumerate(zip(chunk, marked, strict=True)):
                yield _Example(index, pair, self._feature(encoded, row, item))

    def _feature(self, encoded: Any, row: int, marked: Marked) -> dict[str, Any] | None:
        """The window around the marks: as much on the left as on the right, and what one side leaves to the other."""
        ids, offsets = encoded["input_ids"][row], encoded["offset_mapping"][row]
        at = {start: token for token, (start, _) in reversed(list(enumerate(offsets)))}
        head, tail = at[marked.head], at[marked.tail]
        first = min(head, tail)
        last = next((token for token, (start, _) in enumerate(offsets) if start >= marked.end), len(ids))
        room = self.window - len(self._before) - len(self._after) - (last - first)
        if room < 0:
            return None
        left = min(first, max(room // 2, room - (len(ids) - last)))
        start = first - left
        end = min(len(ids), last + room - left)
        feature: dict[str, Any] = {
            "input_ids": [*self._before, *ids[start:end], *self._after],
            "special_tokens_mask": [1] * len(self._before) + [0] * (end - start) + [1] * len(self._after),
        }
        if self.representation == "entity":
            shift = len(self._before) - start
            feature["positions"] = [head + shift, tail + shift]
        return feature
