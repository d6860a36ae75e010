"""What a task is: encode documents, a loss, predictions as documents, scores, errors, what a model is saved with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, Literal, Self, TypeVar

from pydantic import TypeAdapter, ValidationError
from torch import Tensor
from torch.nn.functional import cross_entropy

from ranat.corpora import Corpus
from ranat.documents import Document
from ranat.documents.pairs import PairTypes
from ranat.evaluation.errors import Analysis, answer_errors
from ranat.evaluation.f1 import Answer, micro_scores
from ranat.models.entity_pair import EntityPairClassifier
from ranat.models.heads import give_labels
from ranat.models.loading import load_config, load_model, load_trained, never_truncate
from ranat.registry import Registry, wrong_class

IGNORED = -100
"""The label of what has none, such as a special token."""

DEFAULT_TASK = "ner"
"""What a model is for whose configuration does not say: a tagger, as there are many on the hub."""

Stage = Literal["entities", "relations"]

AnyTask = TypeVar("AnyTask", bound="type[Task]")

tasks: Registry[type[Task]] = Registry("task", "ranat.tasks", lambda name, kind: wrong_class(kind, Task))


def register_task(name: str) -> Callable[[AnyTask], AnyTask]:
    """Decorate a task with the name that it is asked for by, that its section of options and its models have."""

    def add(task: AnyTask) -> AnyTask:
        tasks.register(name)(task)
        task.name = name
        return task

    return add


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


@dataclass(frozen=True)
class NoOptions:
    """The options of a task that has none."""


class Task(ABC):
    """A task with its labels and its tokenizer; it knows nothing of attacks or training.

    `prepare` and `infer` change neither the task nor its tokenizer: threads may share them.

    Args:
        labels: the classes, in the order of the model's outputs.
        tokenizer: a fast one.
        window: the most tokens the model takes.
        options: an instance of `Options`; None: its defaults.
    """

    name: ClassVar[str]
    """What it is registered as; `register_task` sets it."""
    definition: str
    """What its F1 is, in words; the class's, unless a corpus asks for another."""
    Options: ClassVar[type[Any]] = NoOptions
    """A frozen dataclass: the section of a config file that is called as the task. Every option has a default."""
    stage: ClassVar[Stage | None] = None
    """What it finds in extraction; None: it has no part in it."""

    auto_class: Any
    """The class that has the task's head, with the `from_pretrained` of transformers."""
    pairs: PairTypes | None = None
    """Which entities it relates; a task whose stage is "relations" has them."""

    def __init__(self, labels: Sequence[str], tokenizer: Any, window: int, options: Any = None) -> None:
        self.labels, self.tokenizer, self.window = tuple(labels), tokenizer, window
        self.options = options or self.Options()
        never_truncate(tokenizer)
        self._ids = {label: number for number, label in enumerate(self.labels)}

    @classmethod
    @abstractmethod
    def for_corpus(cls, corpus: Corpus, tokenizer: Any, window: int, options: Any = None) -> Self:
        """The task with the labels of the corpus' training split; the arguments are those of the class.

        Raises:
            UserError: the training split has nothing to learn.
        """

    @classmethod
    def for_model(cls, config: Any, tokenizer: Any, window: int) -> Self:
        """The task as a trained model's configuration tells it: its labels, and what `saved` gave, in `config.ranat`.

        Raises:
            ValueError: the configuration is not that of such a task.
        """
        return cls(model_labels(config), tokenizer, window, cls.saved_options(config))

    def saved(self) -> dict[str, Any]:
        """What the model's configuration holds under `ranat`, beside its labels: `for_model` makes the task of it."""
        return {"task": self.name, "options": asdict(self.options)}

    @classmethod
    def saved_options(cls, config: Any) -> Any:
        """The options that a trained model's configuration holds.

        Raises:
            ValueError: they are not the task's, all of them and no others.
        """
        saved = saved_in(config)
        try:
            options = TypeAdapter(cls.Options).validate_python(saved["options"])
        except (KeyError, ValidationError):
            raise not_understood(saved) from None
        if asdict(options).keys() != saved["options"].keys():
            raise not_understood(saved)
        return options

    @property
    @abstractmethod
    def types(self) -> frozenset[str]:
        """The types that it can find."""

    def normalise_type_case(self, document: Document) -> Document:
        """The document with the model's names of types, where these differ in case alone."""
        name = known_spelling(self.types)
        return replace(
            document,
            entities=tuple(replace(item, type=name(item.type)) for item in document.entities),
            relations=tuple(replace(item, type=name(item.type)) for item in document.relations),
        )

    @abstractmethod
    def encode(self, documents: Sequence[Document]) -> Encoded:
        """Training examples of annotated documents."""

    @abstractmethod
    def collate(self, features: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """A padded batch: input_ids, attention_mask, special_tokens_mask (batch, tokens), and labels."""

    def loss(self, outputs: Any, labels: Tensor, num_items_in_batch: Tensor | int | None = None) -> Tensor:
        """Mean cross-entropy over what has a label; of all accumulated batches if their number of labels is given.

        Args:
            outputs: with "logits" (batch, …, labels).
            labels: (batch, …); `IGNORED` where there is none.
            num_items_in_batch: what the sum is divided by.
        """
        logits = outputs["logits"].float().flatten(0, -2)
        total = cross_entropy(logits, labels.flatten(), ignore_index=IGNORED, reduction="sum")
        if num_items_in_batch is None:
            num_items_in_batch = (labels != IGNORED).sum().clamp(min=1)
        return total / num_items_in_batch

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

    def score(self, gold: Sequence[Document], predicted: Sequence[Document]) -> dict[str, Any]:
        """Strict micro scores of the answers in [0, 1] with their counts, "per_type" included."""
        return micro_scores([*map(self.answers, gold)], [*map(self.answers, predicted)])

    @staticmethod
    def errors(
        corpus: Corpus,
        documents: Sequence[Document],
        gold: Sequence[Set[Answer]],
        predicted: Sequence[Set[Answer]],
        training: Sequence[Document],
    ) -> Analysis:
        """What a model gets wrong; here an answer is of the right type for its place, or of another, or there is none.

        Args:
            corpus: that the model was trained on.
            documents: of it, whose answers these are.
            gold: for each document the answers that are right.
            predicted: likewise those that the model gave.
            training: what the model saw.
        """
        return answer_errors(documents, gold, predicted)

    def new_model(self, backbone: str) -> Any:
        """A backbone with a fresh head for the labels; its configuration says what it is for.

        A model that was trained for this task with these options keeps of its head what it knows of the labels.

        Raises:
            UserError: it cannot be loaded, or has a head that cannot be taken from it.
        """
        config = load_config(backbone)
        if self.goes_on(config):
            model = load_trained(self.auto_class, backbone, where="model")
            give_labels(model, self.labels, model_labels(config))
        else:
            names = {"id2label": dict(enumerate(self.labels)), "label2id": self._ids}
            trained = hasattr(config, "ranat")
            if trained and self.auto_class is not EntityPairClassifier:
                EntityPairClassifier.refuse(config)
            model = load_model(
                self.auto_class, backbone, **names, **({"ignore_mismatched_sizes": True} if trained else {})
            )
            if trained:
                give_labels(model, self.labels)
        model.config.ranat = self.saved()
        return model

    def goes_on(self, config: Any) -> bool:
        """Whether a model with that configuration was trained for this task, with the same options."""
        saved = getattr(config, "ranat", None)
        return isinstance(saved, dict) and (saved.get("task"), saved.get("options")) == (
            self.name,
            asdict(self.options),
        )


def known_spelling(known: Collection[str]) -> Callable[[str], str]:
    """What gives the known type that differs from a type in case alone, or else the type itself."""
    names = {kind.casefold(): kind for kind in sorted(known)}
    return lambda kind: kind if kind in known else names.get(kind.casefold(), kind)


def saved_in(config: Any) -> Mapping[str, Any]:
    """What `Task.saved` gave, from a model's configuration; a model from elsewhere is of the `DEFAULT_TASK`.

    Raises:
        ValueError: it is no such thing.
    """
    saved = getattr(config, "ranat", {"task": DEFAULT_TASK, "options": {}})
    if not (isinstance(saved, dict) and isinstance(saved.get("task"), str)):
        raise not_understood(saved)
    return saved


def not_understood(saved: Any) -> ValueError:
    """The error for something that no `Task.saved` gives."""
    return ValueError(f"what its configuration says under `ranat` cannot be understood: {saved!r}")


def model_labels(config: Any) -> tuple[str, ...]:
    """The classes of a trained model, in the order of its outputs.

    Raises:
        ValueError: they are not named, each by its number.
    """
    if sorted(config.id2label) != list(range(config.num_labels)):
        raise ValueError("id2label does not name them by 0, 1, …")
    return tuple(config.id2label[number] for number in range(config.num_labels))
