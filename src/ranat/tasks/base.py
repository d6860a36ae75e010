"""What a task is: encode documents, a loss, predictions as documents, scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from torch import Tensor

from ranat.corpora import Corpus
from ranat.documents import Document
from ranat.registry import Registry

tasks: Registry[type[Task]] = Registry("task", "ranat.tasks")
register_task = tasks.register


@dataclass(frozen=True)
class Encoded:
    """Training examples.

    Args:
        features: for each example its input_ids, labels and special_tokens_mask.
        notices: what could not be represented, counted.
    """

    features: list[dict[str, Any]]
    notices: tuple[str, ...]

    @property
    def lengths(self) -> list[int]:
        """Tokens of each example."""
        return [len(feature["input_ids"]) for feature in self.features]


class Task(ABC):
    """A task with its labels and its tokenizer; it knows nothing of attacks or training."""

    auto_class: ClassVar[Any]
    """The transformers class that has the task's head."""
    definition: ClassVar[str]
    """What its F1 is, in words."""

    labels: tuple[str, ...]
    """The classes, in the order of the model's outputs."""
    tokenizer: Any

    @classmethod
    @abstractmethod
    def for_corpus(cls, corpus: Corpus, tokenizer: Any, window: int) -> Self:
        """The task with the labels of the corpus' training split; `window` is the most tokens the model takes."""

    @classmethod
    @abstractmethod
    def for_labels(cls, labels: Sequence[str], tokenizer: Any, window: int) -> Self:
        """The task as a trained model knows it."""

    @abstractmethod
    def encode(self, documents: Sequence[Document]) -> Encoded:
        """Training examples of annotated documents."""

    @abstractmethod
    def collate(self, features: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """A padded batch: input_ids, attention_mask, special_tokens_mask (batch, tokens), and labels."""

    @abstractmethod
    def loss(self, outputs: Any, labels: Tensor, num_items_in_batch: Tensor | int | None = None) -> Tensor:
        """Cross-entropy, summed and divided by the labels of the whole accumulated batch."""

    @abstractmethod
    def predict(self, model: Any, documents: Sequence[Document], *, batch_size: int = 64) -> list[Document]:
        """The documents with what the model finds in place of what is annotated."""

    @abstractmethod
    def score(self, gold: Sequence[Document], predicted: Sequence[Document]) -> dict[str, Any]:
        """Scores in [0, 1] with their counts, "per_type" included."""
