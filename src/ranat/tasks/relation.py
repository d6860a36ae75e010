"""Relation extraction as classification of pairs of entities in a sentence (paper Eq. 29–32)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any, Literal, Self

import torch
from torch import Tensor
from transformers import AddedToken, AutoModelForSequenceClassification

from ranat.corpora import Corpus
from ranat.documents import Document, Relation
from ranat.documents.concepts import between_concepts
from ranat.documents.pairs import REVERSED, Level, Pair, PairTypes, candidates, relation_of
from ranat.errors import UserError
from ranat.evaluation.concepts import concept_errors
from ranat.evaluation.errors import Analysis
from ranat.evaluation.f1 import Answer
from ranat.evaluation.relations import relation_errors
from ranat.models.entity_pair import EntityPairClassifier
from ranat.models.loading import load_config
from ranat.tasks.base import Encoded, Task, known_spelling, model_labels, not_understood, register_task, saved_in
from ranat.tasks.batches import chunks, logits_of
from ranat.tasks.marking import MARKINGS
from ranat.tasks.padding import inputs
from ranat.tasks.pairfeatures import Example, PairFeatures
from ranat.terminal import counted

HEADS = {"cls": AutoModelForSequenceClassification, "entity": EntityPairClassifier}
"""Representation → the model that has it."""

DEFINITIONS: dict[Level, str] = {
    "mention": "micro-F1 over relations without the negative class: each pair of entities within a sentence whose "
    "types may be related is one instance; if a pair has several labels, the last one holds (BLURB)",
    "concept": "micro-F1 over the relations of a document between concepts, each once (BioCreative V CDR): all gold "
    "relations count, also those that no sentence holds; predicted is what any pair of mentions in a sentence is "
    "predicted to be, a composite mention standing for each of its concepts and one without a concept for none",
}

_AHEAD = 16_384
"""The most pairs that `prepare` encodes and `infer` sorts by length at a time: what bounds their memory."""


@dataclass(frozen=True)
class RelationOptions:
    """How a pair of entities is marked in its sentence, and which states are classified.

    Args:
        representation: "cls", the first token's state, or "entity", the states at the two marks.
        marking: "dummy" puts a type's name in an entity's place, "typed" sets it around the entity.
    """

    representation: Literal["cls", "entity"] = "cls"
    marking: Literal["dummy", "typed"] = "dummy"


@dataclass(frozen=True, slots=True)
class PreparedPairs:
    """Documents as the classifier takes them.

    Args:
        documents: as they were.
        examples: the first of their pairs, at most 16,384; `infer` encodes the rest as it goes on.
    """

    documents: tuple[Document, ...]
    examples: list[Example]


@register_task("relation")
class RelationClassification(Task):
    """f(X) = {(E₁, R, E₂), …} (Eq. 29): each candidate pair of a sentence gets one class (Eq. 30).

    The two entities are marked in the sentence, which then has its own x. P(R | x) is the softmax of the logits
    (Eq. 31), taken from the first token's state (`representation: cls`) or from the states at the two marks (`entity`);
    the relation is their argmax (Eq. 32), the negative class being none. Marks are words of the vocabulary.
    A sentence longer than the model takes is cut around the two entities; a pair that still does not fit is negative.

    Args:
        labels: the negative class first.
        tokenizer: has the marks as words.
        window: the most tokens the model takes.
        options: how a pair is shown and classified.
        pairs: `pairs.types` are the (head type, tail type) that may be related: entities of other types are left alone;
            `pairs.level` is the level of scores.
    """

    Options = RelationOptions
    stage = "relations"
    definition = DEFINITIONS["mention"]
    pairs: PairTypes

    def __init__(
        self, labels: Sequence[str], tokenizer: Any, window: int, options: RelationOptions, pairs: PairTypes
    ) -> None:
        super().__init__(labels, tokenizer, window, options)
        self.pairs, self.auto_class = pairs, HEADS[options.representation]
        self.definition = DEFINITIONS[pairs.level]
        self._marking = MARKINGS[options.marking]
        self._features = PairFeatures(tokenizer, window, pairs, options.representation, options.marking)

    @classmethod
    def for_corpus(cls, corpus: Corpus, tokenizer: Any, window: int, options: RelationOptions | None = None) -> Self:
        """The negative class, then the relations between candidates of the training split.

        The tokenizer gets the marks as new words.
        """
        options = options or cls.Options()
        pairs = corpus.pair_types
        labels = {pair.label for document in corpus.splits["train"] for pair in candidates(document, pairs).pairs}
        if not labels - {pairs.negative}:
            raise UserError(
                "the training split has no relation between two entities of a sentence",
                where=corpus.name,
                remedy="annotate some, or check its format; `--task ner` finds entities",
            )
        marks = MARKINGS[options.marking].marks(pairs)
        tokenizer.add_tokens([AddedToken(mark, normalized=False) for mark in marks])
        return cls([pairs.negative, *sorted(labels - {pairs.negative})], tokenizer, window, options, pairs)

    @classmethod
    def for_model(cls, config: Any, tokenizer: Any, window: int) -> Self:
        """The classifier of a trained model.

        Raises:
            ValueError: the configuration, its labels, its head and the tokenizer do not belong together.
        """
        labels, options, saved = model_labels(config), cls.saved_options(config), saved_in(config)
        try:
            pairs = PairTypes.from_dict(saved["pairs"])
            marks = MARKINGS[options.marking].marks(pairs)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise not_understood(saved) from error
        if labels[0] != pairs.negative:
            raise ValueError(f"its first label is {labels[0]!r}, not the negative class {pairs.negative!r}")
        if options.representation == "entity" and EntityPairClassifier.__name__ not in (config.architectures or ()):
            raise ValueError("it has no head over two entities")
        if unknown := [
            mark for mark in marks if tokenizer.convert_tokens_to_ids(mark) in (None, tokenizer.unk_token_id)
        ]:
            raise ValueError(f"its tokenizer does not know the mark {unknown[0]}")
        return cls(labels, tokenizer, window, options, pairs)

    def saved(self) -> dict[str, Any]:
        """What `for_model` needs: the types of pairs, too."""
        return super().saved() | {"pairs": self.pairs.to_dict()}

    @property
    def types(self) -> frozenset[str]:
        """The relations, without the negative class."""
        return frozenset(label.removesuffix(REVERSED) for label in self.labels[1:])

    def normalise_type_case(self, document: Document) -> Document:
        """The document with the model's names of the types of mentions that it pairs, and of relations."""
        of_mention, of_relation = known_spelling(set(chain.from_iterable(self.pairs.types))), known_spelling(self.types)
        return replace(
            document,
            entities=tuple(replace(item, type=of_mention(item.type)) for item in document.entities),
            relations=tuple(replace(item, type=of_relation(item.type)) for item in document.relations),
        )

    def new_model(self, backbone: str) -> Any:
        """A backbone with a head; a mark that it does not know starts as the mean of the words of its name."""
        model = super().new_model(backbone)
        marks, config = self._marking.marks(self.pairs), load_config(backbone)
        known = self._marking.marks(PairTypes.from_dict(config.ranat["pairs"])) if self.goes_on(config) else ()
        old = model.get_input_embeddings().weight.shape[0]
        if len(self.tokenizer) > old:
            model.resize_token_embeddings(len(self.tokenizer))
        weight = model.get_input_embeddings().weight
        with torch.no_grad():
            for mark in [mark for mark in marks if mark not in known]:
                name = mark.strip("@$[]/").replace("-", " ").replace("_", " ").lower()
                ids = self.tokenizer(name, add_special_tokens=False)["input_ids"]
                weight[self.tokenizer.convert_tokens_to_ids(mark)] = weight[ids].mean(0)
        return model

    def encode(self, documents: Sequence[Document]) -> Encoded:
        """A feature for each pair, with one label."""
        features = []
        classes = Counter(dict.fromkeys(self.labels, 0))
        unfit = 0
        for example in self._features.examples(self._features.candidates(documents)):
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
        return Encoded(features, tuple(counted(count, what) for count, what in notices if count), dict(classes))

    def collate(self, features: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """(batch, tokens) tensors; labels (batch,); positions (batch, 2) for the entity representation."""
        batch = inputs(features, self.tokenizer.pad_token_id, self.window)
        for name in ("positions", "labels"):
            if name in features[0]:
                batch[name] = torch.tensor([feature[name] for feature in features])
        return batch

    def prepare(self, documents: Sequence[Document]) -> PreparedPairs:
        """Candidate pairs as tokens, no more than `infer` takes at a time."""
        pairs = self._features.candidates(documents)
        return PreparedPairs(tuple(documents), list(self._features.examples(islice(pairs, _AHEAD))))

    def infer(self, model: Any, prepared: PreparedPairs, *, batch_size: int = 64) -> list[Document]:
        """Documents with predicted relations between the entities they have; pairs of like length share a batch.

        A relation's score, in [0, 1], is P(R | x).
        """
        rest = islice(self._features.candidates(prepared.documents), len(prepared.examples), None)
        relations: dict[int, list[Relation]] = defaultdict(list)
        for chunk in chunks(chain(prepared.examples, self._features.examples(rest)), _AHEAD):
            fit = [(example, example.feature) for example in chunk if example.feature]
            features = [feature for _, feature in fit]
            for chosen, best in logits_of(model, features, self.collate, batch_size, _best):
                for index, number, score in zip(chosen, best.indices.tolist(), best.values.tolist(), strict=True):
                    example = fit[index][0]
                    if relation := relation_of(example.pair, self.labels[number], self.pairs, score):
                        relations[example.document].append(relation)
        return [
            replace(document, relations=tuple(sorted(relations[index], key=lambda r: (r.head, r.tail))))
            for index, document in enumerate(prepared.documents)
        ]

    def answers(self, document: Document) -> set[Answer]:
        """At the level of mentions the related pairs of sentences, at that of concepts all relations, see `score`."""
        if self.pairs.level == "mention":
            return self._said_by(document, candidates(document, self.pairs).pairs)
        relations = between_concepts(document, self.pairs.types)
        return {((relation.head, relation.tail), relation.type) for relation in relations}

    def score(self, gold: Sequence[Document], predicted: Sequence[Document]) -> dict[str, Any]:
        """Micro scores, and:

        "unrepresentable": relations none of whose pairs fits the model, which count as missed; "confusion": gold label
        → predicted label → pairs. At the level of mentions "not_candidates": gold relations that are not between two
        entities of one sentence, which do not count. At that of concepts "beyond_sentences": gold relations that no
        sentence holds, which count as missed; "recall_ceiling": the recall that they leave, in [0, 1];
        "without_concept": gold relations of mentions without a concept, which do not count.
        """
        result = super().score(gold, predicted)
        held, fit = self._representable(gold)
        result["unrepresentable"] = held - fit
        if self.pairs.level == "concept":
            result["beyond_sentences"] = result["gold"] - held
            result["recall_ceiling"] = held / result["gold"] if result["gold"] else 0.0
            result["without_concept"] = sum(
                not self.answers(replace(document, relations=(relation,)))
                for document in gold
                for relation in document.relations
            )
        else:
            result["not_candidates"] = self._outside(gold)[0]
        confusion: dict[str, Counter[str]] = defaultdict(Counter)
        for one, other in zip(gold, predicted, strict=True):
            sides = (candidates(document, self.pairs).pairs for document in (one, other))
            for pair, said in zip(*sides, strict=True):
                confusion[pair.label][said.label] += 1
        result["confusion"] = {label: dict(confusion[label]) for label in sorted(confusion)}
        return result

    @staticmethod
    def errors(
        corpus: Corpus,
        documents: Sequence[Document],
        gold: Sequence[Set[Answer]],
        predicted: Sequence[Set[Answer]],
        training: Sequence[Document],
    ) -> Analysis:
        """The errors of relations between mentions, or between concepts."""
        if corpus.pair_types.level == "mention":
            return relation_errors(documents, gold, predicted, training)
        return concept_errors(documents, gold, predicted, training, corpus.pair_types)

    def _representable(self, gold: Sequence[Document]) -> tuple[int, int]:
        """How many of the answers the pairs of sentences can give, and how many those of them that fit the model."""
        held: dict[int, list[Pair]] = defaultdict(list)
        fit: dict[int, list[Pair]] = defaultdict(list)
        related = (item for item in self._features.candidates(gold) if item[2].label != self.pairs.negative)
        for example in self._features.examples(related):
            held[example.document].append(example.pair)
            if example.feature is not None:
                fit[example.document].append(example.pair)
        answers = {index: self.answers(gold[index]) for index in held}
        counts = [
            sum(len(answers[index] & self._said_by(gold[index], pairs)) for index, pairs in side.items())
            for side in (held, fit)
        ]
        return counts[0], counts[1]

    def _said_by(self, document: Document, pairs: Iterable[Pair]) -> set[Answer]:
        """The answers that the labels of pairs give."""
        relations = [relation for pair in pairs if (relation := relation_of(pair, pair.label, self.pairs))]
        if self.pairs.level == "concept":
            relations = between_concepts(replace(document, relations=tuple(relations)), self.pairs.types)
        return {((relation.head, relation.tail), relation.type) for relation in relations}

    def _outside(self, documents: Sequence[Document]) -> tuple[int, int]:
        """Relations between no candidates, and those that a later one of the same pair overrules."""
        of_documents = [candidates(document, self.pairs) for document in documents]
        return sum(len(item.apart) for item in of_documents), sum(len(item.conflicts) for item in of_documents)


def _best(chosen: list[int], logits: Tensor) -> tuple[list[int], Any]:
    return chosen, logits.float().softmax(-1).max(-1)
