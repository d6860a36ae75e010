"""A file being read: its lines with their numbers, and what was odd in it with file and line.

Every format reads through a `Source`, so all of them check the same things in the same words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count
from pathlib import PurePath
from typing import IO, Literal, TypeVar

from ranat.documents.document import Document, Entity, Relation, Span, is_text
from ranat.errors import UserError

_COPY = "#"

T = TypeVar("T")
Failed = Callable[[UserError], None]
"""Is told of a document that cannot be read; reading then goes on with the next."""

Kind = Literal["repaired", "mismatch", "repeat", "left out", "note"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something odd that reading went on from.

    Args:
        kind: "repaired": an illegal tag sequence; "mismatch": a mention's text is not what stands at its offsets;
            "repeat": a document is there twice; "left out": what the documents do not hold; "note": anything else.
        what: in words.
        where: "file:line", or the file alone.
        count: how many of them this notice stands for.
    """

    kind: Kind
    what: str
    where: str
    count: int = 1

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Found:
    """An entity as a file gives it, still to be checked against the document's text.

    Args:
        line: where it stands in the file.
        entity: its id, type and spans.
        mention: the text that the file says it has, if it says so.
    """

    line: int
    entity: Entity
    mention: str | None = None


@dataclass(frozen=True, slots=True)
class FoundRelation:
    """A relation as a file gives it, still to be checked against the document's entities.

    Args:
        line: where it stands in the file.
        relation: its type, head and tail.
    """

    line: int
    relation: Relation


def is_repeat(document: Document) -> bool:
    """Whether a released corpus has this document a second time (see `Source`)."""
    return re.search(rf"{_COPY}\d+$", document.id) is not None


class Source:
    """An open file and the notices about it.

    Args:
        stream: the bytes, already unpacked.
        name: the file's name in messages.
        notices: what is odd is added to it.
        published: the file belongs to a released corpus that nobody can mend, so what would be an error in a file of
            one's own (a mention that does not match its offsets, a relation of what is not there, a document given
            twice) becomes a notice.
        failed: is told of each document that cannot be read, instead of an error that ends the reading; documents of
            one id are then left to the caller, as remembering all ids takes memory.
    """

    def __init__(
        self,
        stream: IO[bytes],
        name: str,
        notices: list[Notice] | None = None,
        *,
        published: bool = False,
        failed: Failed | None = None,
    ) -> None:
        self.stream, self.name, self.published, self.failed = stream, name, published, failed
        self.notices = [] if notices is None else notices
        self._ids: set[str] = set()

    def each(self, items: Iterable[T], parse: Callable[[T], Document]) -> Iterator[Document]:
        """The documents of a file's raw records; one that cannot be parsed is an error, or told to `failed`.

        A reader so has two steps: one that only cuts the file into records, and one that may fail at each.

        Raises:
            UserError: a record is wrong and there is no `failed`.
        """
        for item in items:
            try:
                document = parse(item)
            except UserError as error:
                if self.failed is None:
                    raise
                self.failed(error)
            else:
                yield document

    def lines(self) -> Iterator[tuple[int, str]]:
        r"""Line numbers from 1 and lines without their end (`\n` or `\r\n`).

        Raises:
            UserError: the bytes are not UTF-8 and there is no `failed`; with it they become half surrogate pairs,
                which no document may have, so that only the document that they are in fails.
        """
        for number, raw in enumerate(self.stream, 1):
            line = self._decode(number, raw, "utf-8-sig" if number == 1 else "utf-8")
            yield number, line.removesuffix("\n").removesuffix("\r")

    def text(self) -> str:
        """The whole file, its line ends as they are and a byte order mark as a character.

        Raises:
            UserError: the bytes are not UTF-8.
        """
        return "".join(self._decode(number, raw, "utf-8") for number, raw in enumerate(self.stream, 1))

    def numbered(self, line: int) -> str:
        """An id for what stands at a line of a file that gives none: the file's stem and the line, "train:17"."""
        return f"{self.stem}:{line}"

    @cached_property
    def stem(self) -> str:
        """The file's name without folders, suffix and ".gz": an id for a file that is one document."""
        name = PurePath(self.name).name
        stem = PurePath(name[: -len(".gz")] if name.lower().endswith(".gz") else name).stem
        return stem.encode("utf-8", "backslashreplace").decode()  # a name may be no Unicode

    def error(self, line: int, what: str, remedy: str | None = None) -> UserError:
        """An error at a line of this file, to be raised."""
        return UserError(what, where=f"{self.name}:{line}", remedy=remedy)

    def note(self, kind: Kind, what: str, line: int | None = None, count: int = 1) -> None:
        """Record what is odd; a count of zero is nothing odd."""
        if count:
            self.notices.append(Notice(kind, what, self.name if line is None else f"{self.name}:{line}", count))

    def document(
        self,
        line: int,
        id: str,
        text: str,
        found: Iterable[Found] = (),
        *,
        relations: Iterable[Relation | FoundRelation] = (),
        sentences: Iterable[Span] = (),
        tokens: Iterable[Span] = (),
    ) -> Document:
        """A document of this file, checked; a plain `Relation` stands at the document's own line.

        Raises:
            UserError: an entity reaches past the end of the text or its text does not match its offsets, two entities
                share an id, a relation's head or tail is neither the id nor the concept of an entity, or the document's
                id is there twice.
        """
        found = sorted(found, key=lambda item: item.entity.spans)
        if self.failed is None:
            if id in self._ids:
                id = self._repeat(line, id)
            self._ids.add(id)
        stated = [item if isinstance(item, FoundRelation) else FoundRelation(line, item) for item in relations]
        self._check_names(line, found, stated)
        entities: dict[str, Entity] = {}
        for item in found:
            self._check(text, item)
            if item.entity.id in entities:
                raise self.error(item.line, f"document {id!r} has two entities with the id {item.entity.id!r}")
            entities[item.entity.id] = item.entity
        related = tuple(self._related(id, entities, stated))
        try:
            return Document(id, text, tuple(entities.values()), related, tuple(sentences), tuple(tokens))
        except ValueError as error:
            raise self.error(line, str(error)) from None

    def _related(self, id: str, entities: dict[str, Entity], stated: list[FoundRelation]) -> Iterator[Relation]:
        """The relations whose head and tail are there."""
        known = set(entities)
        if stated:
            known.update(*(entity.concepts for entity in entities.values()))
        for item in stated:
            relation = item.relation
            missing = [end for end in (relation.head, relation.tail) if end not in known]
            if not missing:
                yield relation
                continue
            what = (
                f"the relation {relation.type!r} of {relation.head!r} and {relation.tail!r}: document {id!r} has no "
                f"entity with the id or concept {missing[0]!r}"
            )
            if not self.published:
                raise self.error(item.line, what, "mark that entity, or mend or remove the relation")
            self.note("left out", what, item.line)

    def _decode(self, number: int, raw: bytes, encoding: str) -> str:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError as error:
            if self.failed is not None:
                return raw.decode(encoding, errors="surrogateescape")
            bad = raw[error.start]
            what = f"invalid UTF-8: byte 0x{bad:02x} at byte {error.start + 1} of the line"
            raise self.error(number, what, "save the file as UTF-8") from None

    def _repeat(self, line: int, id: str) -> str:
        if not self.published:
            raise self.error(line, f"document {id!r} is there twice", "give each document an id of its own")
        copy = next(name for n in count(2) if (name := f"{id}{_COPY}{n}") not in self._ids)
        self.note("repeat", f"document {id!r} is there again; it is kept as {copy!r}", line)
        return copy

    def _check_names(self, line: int, found: Iterable[Found], stated: Iterable[FoundRelation]) -> None:
        """The document itself checks its id and its text."""
        entities = (name for item in found for name in (item.entity.id, item.entity.type, item.entity.concept or ""))
        relations = (item.relation.type for item in stated)
        if not all(map(is_text, chain(entities, relations))):
            raise self.error(line, "a name holds bytes that are not UTF-8, or half a surrogate pair")

    def _check(self, text: str, item: Found) -> None:
        entity = item.entity
        if entity.end > len(text):
            raise self.error(
                item.line,
                f"entity {entity.id!r} reaches to {entity.end}, past the text's {len(text)} characters",
                "offsets count characters of the document's text, the end exclusive",
            )
        actual = " ".join(text[start:end] for start, end in entity.spans)
        if item.mention is None or item.mention == actual:
            return
        what = f"entity {entity.id!r} is said to be {item.mention!r} but {actual!r} stands at {entity.spans}"
        if not self.published:
            raise self.error(item.line, what, "mend its offsets or its text")
        self.note("mismatch", f"{what}; the offsets are taken", item.line)
