"""Named entity recognition as tagging of words (paper Eq. 26–28)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from itertools import accumulate, compress
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModelForTokenClassification

from ranat.corpora import Corpus
from ranat.documents import Document, Entity
from ranat.documents.bio import INSIDE, decode_strict, scheme_of, to_bio
from ranat.errors import UserError
from ranat.evaluation.errors import Analysis
from ranat.evaluation.f1 import Answer
from ranat.evaluation.mentions import mention_errors
from ranat.tasks.base import IGNORED, Encoded, Task, register_task
from ranat.tasks.batches import logits_of
from ranat.tasks.padding import inputs, padded
from ranat.tasks.windows import Sentence, Window, split_sentences, windows
from ranat.terminal import counted


@dataclass(frozen=True, slots=True)
class PreparedSentences:
    """Documents as the tagger takes them.

    Args:
        documents: as they were.
        sentences: of all of them.
        windows: of all sentences.
    """

    documents: tuple[Document, ...]
    sentences: list[Sentence]
    windows: list[Window]


@register_task("ner")
class NER(Task):
    """f(X) = {(E, start, end), …} (Eq. 26): every word gets one of O, B-E, I-E.

    A word's label stands at its first sub-token; the other sub-tokens and special tokens are ignored. P(C | x) is the
    softmax of the logits (Eq. 27), the label their argmax (Eq. 28), and mentions are read from the labels strictly.
    Sentences longer than the model takes are cut into overlapping windows, so every word gets a label.
    A model from elsewhere may also have the tags of BIOES or IO.

    Raises:
        ValueError: the labels are not tags.
    """

    stage = "entities"
    auto_class = AutoModelForTokenClassification
    definition = (
        "strict entity-level micro-F1: a predicted mention is right if its spans and its type equal a gold mention's; "
        "predicted tags are read as IOB2, an I-X that continues nothing being no mention"
    )

    def __init__(self, labels: Sequence[str], tokenizer: Any, window: int, options: Any = None) -> None:
        super().__init__(labels, tokenizer, window, options)
        self.scheme = scheme_of(self.labels)
        self._inside = {
            kind: [self._ids[tag] for letter in INSIDE if (tag := f"{letter}-{kind}") in self._ids]
            for kind in self.types
        }

    @classmethod
    def for_corpus(cls, corpus: Corpus, tokenizer: Any, window: int, options: Any = None) -> Self:
        """O, then B- and I- of each type in the training split."""
        types = sorted({entity.type for document in corpus.splits["train"] for entity in document.entities})
        if not types:
            raise UserError(
                "the training split has no entity", where=corpus.name, remedy="annotate some, or check its format"
            )
        if "" in types:
            raise UserError("an entity of the training split has no type", where=corpus.name, remedy="give it one")
        return cls(["O", *(f"{prefix}-{kind}" for kind in types for prefix in "BI")], tokenizer, window, options)

    @property
    def types(self) -> frozenset[str]:
        """The entity types of its tags."""
        return frozenset(label[2:] for label in self.labels if label != "O")

    def encode(self, documents: Sequence[Document]) -> Encoded:
        """A feature for each window; labels (tokens,) hold -100 where no word begins."""
        sentences, lost = split_sentences(documents)
        features, wordless = [], sum(len(sentence.words) for sentence in sentences)
        for window in self._windows(sentences):
            sentence = sentences[window.sentence]
            tags = to_bio(len(sentence.words), sentence.mentions)
            labels = [IGNORED] * len(window.input_ids)
            for token, word in window.heads:
                labels[token] = self._ids[tags[word]]
            wordless -= len(window.heads)
            features.append(
                {"input_ids": window.input_ids, "special_tokens_mask": window.special_tokens_mask, "labels": labels}
            )
        reasons = ", ".join(f"{count:,} {why}" for why, count in lost.most_common())
        notices = [
            (lost.total(), f"mentions that tags over words cannot hold ({reasons}) left out"),
            (wordless, "words without a token in this tokenizer left out"),
        ]
        return Encoded(features, tuple(counted(count, what) for count, what in notices if count))

    def collate(self, features: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """(batch, tokens) tensors."""
        batch = inputs(features, self.tokenizer.pad_token_id, self.window)
        if "labels" in features[0]:
            batch["labels"] = padded(features, "labels", IGNORED, batch["input_ids"].shape[1])
        return batch

    def prepare(self, documents: Sequence[Document]) -> PreparedSentences:
        """Sentences, words, tokens and windows."""
        sentences, _ = split_sentences(documents)
        return PreparedSentences(tuple(documents), sentences, self._windows(sentences))

    def infer(self, model: Any, prepared: PreparedSentences, *, batch_size: int = 64) -> list[Document]:
        """Documents with predicted entities; windows of like length share a batch.

        An entity's score, in [0, 1], is the mean over its words of P(the word's tag | x), and of the probability that
        it ends where it does: that the next word does not continue it. It tells right from wrong better than the mean,
        least or product over the words alone (docs/log.md); it is no calibrated probability.

        Words without a token, such as a soft hyphen, are passed over: they break no mention, and none begins or ends
        with one.
        """
        probabilities = self._probabilities(model, prepared, batch_size)
        has_token = probabilities.max(-1) != 0
        probabilities = probabilities[has_token]
        sure, tags = (
            probabilities.max(-1).tolist(),
            [self.labels[number] for number in probabilities.argmax(-1).tolist()],
        )
        inside = {kind: probabilities[:, numbers].sum(-1).tolist() for kind, numbers in self._inside.items()}
        mentions: dict[int, list[Entity]] = defaultdict(list)
        start = place = 0
        for sentence in prepared.sentences:
            words = list(compress(sentence.words, has_token[place : place + len(sentence.words)].tolist()))
            place += len(sentence.words)
            end = start + len(words)
            entities = mentions[sentence.document]
            for first, last, kind in decode_strict(tags[start:end], self.scheme):
                span = (words[first][0], words[last - 1][1])
                goes_on = inside[kind][start + last] if start + last < end else 0.0
                score = (sum(sure[start + first : start + last]) + 1 - goes_on) / (last - first + 1)
                entities.append(Entity(f"T{len(entities) + 1}", kind, (span,), score=min(max(score, 0.0), 1.0)))
            start = end
        return [
            replace(document, entities=tuple(mentions[index]), relations=())
            for index, document in enumerate(prepared.documents)
        ]

    def _probabilities(
        self, model: Any, prepared: PreparedSentences, batch_size: int
    ) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        """P(C | x) of the words of all sentences, (words, labels); 0 throughout for a word without a token.

        Not a tensor: operations on one would wait for processors that are busy with the next batch.
        """
        places = [0, *accumulate(len(sentence.words) for sentence in prepared.sentences)]
        probabilities = np.zeros((places[-1], len(self.labels)), np.float32)

        def of_words(chosen: list[int], logits: Tensor) -> tuple[Tensor, Tensor]:
            heads = [
                (row, token, places[window.sentence] + word)
                for row, window in enumerate(prepared.windows[index] for index in chosen)
                for token, word in window.heads
            ]
            rows, tokens, words = torch.from_numpy(np.array(heads, np.int64).reshape(-1, 3)).T
            return words, logits[rows.to(logits.device), tokens.to(logits.device)].float().softmax(-1).cpu()

        features = [{"input_ids": window.input_ids} for window in prepared.windows]
        for words, said in logits_of(model, features, self.collate, batch_size, of_words):
            probabilities[words.numpy()] = said.numpy()
        return probabilities

    def answers(self, document: Document) -> set[Answer]:
        """The mentions; those that tags cannot hold are among the gold ones, so they count as missed."""
        return {(entity.spans, entity.type) for entity in document.entities}

    @staticmethod
    def errors(
        corpus: Corpus,
        documents: Sequence[Document],
        gold: Sequence[Set[Answer]],
        predicted: Sequence[Set[Answer]],
        training: Sequence[Document],
    ) -> Analysis:
        """Boundaries and types that are wrong, mentions missed and invented."""
        return mention_errors(documents, gold, predicted, training)

    def score(self, gold: Sequence[Document], predicted: Sequence[Document]) -> dict[str, Any]:
        """Strict entity scores."""
        return super().score(gold, predicted) | {"unrepresentable": split_sentences(gold)[1].total()}

    def _windows(self, sentences: Sequence[Sentence]) -> list[Window]:
        return list(windows([sentence.texts for sentence in sentences], self.tokenizer, self.window))
