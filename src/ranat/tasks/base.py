"""What a task is: encode documents, a loss, predictions as documents, scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from torch import Tensor

from ranat.corpora import Corpus
from ranat.documents import Document
from ranat.evaluation.f1 import Answer
from ranat.models.loading import load_model
from ranat.registry import Registry

tasks: Registry[type[Task]] = Registry("task", "ranat.tasks")
register_task = tasks.register


@dataclass(frozen=True)
class Encoded:
    """Training examples.

    Args:
        features: for each example its input_ids, labels and special_tokens_mask.
        notices: what could not be represented, counted.
        classes: how many examples each class has, where an example has one.
    """

    features: list[dict[str, Any]]
    notices: tuple[str, ...]
    classes: Mapping[str, int] = field(default_factory=dict)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each example."""
        return [len(feature["input_ids"]) for feature in self.features]


class Task(ABC):
    """A task with its labels and its tokenizer; it knows nothing of attacks or training.

    `prepare` and `infer` change neither the task nor its tokenizer: threads may share them.
    """

    definition: ClassVar[str]
    """What its F1 is, in words."""

    auto_class: Any
    """The class that has the task's head, with the `from_pretrained` of transformers."""
    labels: tuple[str, ...]
    """The classes, in the order of the model's outputs."""
    tokenizer: Any

    @classmethod
    @abstractmethod
    def for_corpus(cls, corpus: Corpus, tokenizer: Any, window: int, **options: str) -> Self:
        """The task with the labels of the corpus' training split; `window` is the most tokens the model takes."""

    @classmethod
    @abstractmethod
    def for_model(cls, config: Any, tokenizer: Any, window: int) -> Self:
        """The task as a trained model's configuration tells it.

        Raises:
            ValueError: the configuration is not that of such a task.
        """

    @property
    @abstractmethod
    def types(self) -> frozenset[str]:
        """The types that it can find."""

    @abstractmethod
    def respelt(self, document: Document) -> Document:
        """The document with the model's names of types, where these differ in case alone."""

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
    def prepare(self, documents: Sequence[Document]) -> Any:
        """What `infer` needs of documents; no work for the model, so that another thread may do it meanwhile."""

    @abstractmethod
    def infer(self, model: Any, prepared: Any, *, batch_size: int = 64) -> list[Document]:
        """The documents that were prepared, with what the model finds in place of what is annotated.

        Args:
            model: on any device, its weights in any format; it is set to `eval`.
            prepared: what `prepare` gave; it may be used again.
            batch_size: how many sequences of 32 tokens fill a batch; 64 is best on a processor core, GPUs want more.
        """

    def predict(self, model: Any, documents: Sequence[Document], *, batch_size: int = 64) -> list[Document]:
        """The documents with what the model finds in place of what is annotated."""
        return self.infer(model, self.prepare(documents), batch_size=batch_size)

    @abstractmethod
    def answers(self, document: Document) -> set[Answer]:
        """What is scored of a document's annotations."""

    @abstractmethod
    def score(self, gold: Sequence[Document], predicted: Sequence[Document]) -> dict[str, Any]:
        """Scores in [0, 1] with their counts, "per_type" included."""

    def new_model(self, backbone: str) -> Any:
        """A backbone with a fresh head for the labels.

        Raises:
            UserError: it cannot be loaded.
        """
        names = dict(enumerate(self.labels))
        numbers = {label: number for number, label in names.items()}
        return load_model(self.auto_class, backbone, id2label=names, label2id=numbers)


def spelling(known: Collection[str]) -> Callable[[str], str]:
    """What gives the known type that differs from a type in case alone, or else the type itself."""
    names = {kind.casefold(): kind for kind in sorted(known)}
    return lambda kind: kind if kind in known else names.get(kind.casefold(), kind)


def model_labels(config: Any) -> tuple[str, ...]:
    """The classes of a trained model, in the order of its outputs.

    Raises:
        ValueError: they are not named, each by its number.
    """
    if sorted(config.id2label) != list(range(config.num_labels)):
        raise ValueError("id2label does not name them by 0, 1, …")
    return tuple(config.id2label[number] for number in range(config.num_labels))
