"""A file being read: its lines with their numbers, and what was odd in it with file and line.

Every format reads through a `Source`, so all of them check the same things in the same words.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import chain, pairwise
from pathlib import PurePath
from typing import IO, TypeVar

from ranat.documents.document import Document, Entity, Relation, Span, is_text
from ranat.errors import UserError
from ranat.formats import units
from ranat.formats.notice import Kind, Notice
from ranat.formats.repeats import again
from ranat.formats.whole import Whole
from ranat.terminal import counted

HEAD = 1 << 16
"""Bytes of a file by which it is recognised."""

NOT_UTF8 = "save the file as UTF-8: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW, or from what it is written in"

LONGEST = 1 << 28
"""Bytes of one record, such as a line or a JSON object: what is longer is not read, so that it fills no memory."""

T = TypeVar("T")
Failed = Callable[[UserError], None]
"""Is told of a document that cannot be read; reading then goes on with the next."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How strictly files are read, and how much at once.

    Args:
        lenient: what is odd with a mark (a mention, a relation, a tag) is told and left out or mended, and the document
            stays; otherwise it is an error. A text that cannot be read is an error either way.
        failed: is told of each document that cannot be read, instead of an error that ends the reading.
        longest: bytes of a record; a longer one is an error.
        columns: what columns are for, such as "token" or "text" → the column's name or number; for formats that have
            them (see `Reader.columns`).
        each_once: documents of one id are odd; otherwise they are left to the caller, as remembering all ids takes
            memory.
    """

    lenient: bool = False
    failed: Failed | None = None
    longest: int = LONGEST
    columns: Mapping[str, str] = field(default_factory=dict)
    each_once: bool = True


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


class Source:
    """An open file and the notices about it.

    Args:
        stream: the bytes, already unpacked.
        name: the file's name in messages.
        notices: what is odd is added to it.
        reading: how strictly it is read.
    """

    def __init__(
        self, stream: IO[bytes], name: str, notices: list[Notice] | None = None, reading: Reading = Reading()
    ) -> None:
        self.stream, self.name, self.reading = stream, name, reading
        self.notices = [] if notices is None else notices
        self._ids: set[str] = set()
        self._of_line = Counter[int]()  # of the last line that a document was called by
        self._not_utf8: list[tuple[int, UserError]] = []

    @property
    def longest(self) -> int:
        """Bytes of a record that may be read."""
        return self.reading.longest

    @cached_property
    def head(self) -> bytes:
        """The first bytes, looked at before anything is read."""
        return self.stream.peek(HEAD)[:HEAD] if isinstance(self.stream, io.BufferedReader) else b""

    def look_at(self, count: int) -> bytes:
        """So many of the first bytes, which are still to be read afterwards."""
        rest, seen = self.stream, self.stream.read(count)
        again = io.BytesIO(seen)
        self.stream = io.BufferedReader(Whole(lambda most: again.read(most) or rest.read(most)), HEAD)
        return seen

    def each(self, items: Iterable[T], parse: Callable[[T], Document | None]) -> Iterator[Document]:
        """The documents of a file's raw records; one that cannot be parsed is an error, or told to `failed`.

        A reader so has two steps: one that only cuts the file into records, and one that may fail at each, or give None
        for a record that is to be left out.

        Raises:
            UserError: a record is wrong and there is no `failed`.
        """
        for item in items:
            try:
                document = parse(item)
            except UserError as error:
                self.fail(error)
            else:
                if document is not None:
                    yield document

    def fail(self, error: UserError) -> None:
        """A document cannot be read: raise the error, or tell it and go on."""
        if self.reading.failed is None:
            raise error
        self.reading.failed(error)

    def lines(self) -> Iterator[tuple[int, str]]:
        r"""Line numbers from 1 and lines without their end (`\n` or `\r\n`).

        Raises:
            UserError: a line is too long, or ends in a carriage return alone; the bytes are not UTF-8 and there is no
                `failed`, with which they become half surrogate pairs, which no document may have, so that only the
                document that they are in fails.
        """
        for number, raw in enumerate(iter(partial(self.stream.readline, self.longest + 1), b""), 1):
            if len(raw) > self.longest:
                raise self.too_long(number)
            if number == 1 and not raw.endswith(b"\n") and b"\r" in raw.rstrip(b"\r"):
                raise self.error(1, "its lines end in carriage returns alone", "convert: tr '\\r' '\\n' < FILE > NEW")
            line = self._decode(number, raw, "utf-8-sig" if number == 1 else "utf-8")
            yield number, line.removesuffix("\n").removesuffix("\r")

    def text(self) -> str:
        """The whole file, its line ends as they are and a byte order mark as a character.

        Raises:
            UserError: the bytes are not UTF-8, or too many.
        """
        raw = self.stream.read(self.longest + 1)
        if len(raw) > self.longest:
            raise self.too_long(1)
        return "".join(
            self._decode(number, line, "utf-8", alone=True) for number, line in enumerate(io.BytesIO(raw), 1)
        )

    def numbered(self, line: int) -> str:
        """An id for a document of a file that gives none: the file's stem and the line, "train:17".

        What is not the first document of its line has its number there, too: "train:17.2".
        """
        self._of_line = Counter({line: self._of_line[line] + 1})
        return f"{self.stem}:{line}" + (f".{self._of_line[line]}" if self._of_line[line] > 1 else "")

    @cached_property
    def stem(self) -> str:
        """The file's name without folders, suffix and ".gz": an id for a file that is one document."""
        name = PurePath(self.name).name
        stem = PurePath(name[: -len(".gz")] if name.lower().endswith(".gz") else name).stem
        return stem.encode("utf-8", "backslashreplace").decode()  # a name may be no Unicode

    def error(self, line: int, what: str, remedy: str | None = None) -> UserError:
        """An error at a line of this file, to be raised."""
        return UserError(what, where=self.place(line), remedy=remedy)

    def place(self, line: int) -> str:
        """A line as it stands in messages."""
        return f"{self.name}:{line}"

    def too_long(self, line: int) -> UserError:
        """An error for a record that takes more bytes than may be read."""
        return self.error(
            line, f"more than {self.longest:,} bytes of one document", "split it, or raise --max-characters"
        )

    def odd(self, line: int, what: str, remedy: str | None = None, kind: Kind = "left out", count: int = 1) -> None:
        """A mark is odd: strict reading refuses the document, lenient reading tells what is done and goes on.

        Args:
            line: where it stands.
            what: is odd, and how it is mended if it is.
            remedy: how it could be put right in the file.
            kind: what lenient reading does.
            count: of marks.
        Raises:
            UserError: reading is strict.
        """
        if not self.reading.lenient:
            raise self.error(line, what, remedy)
        self.notices.append(Notice(kind, what, self.place(line), count, is_error=True, remedy=remedy))

    def found(
        self,
        line: int,
        id: str,
        type: str,
        spans: Iterable[Span],
        mention: str | None = None,
        *,
        concept: str | None = None,
        score: float | None = None,
    ) -> list[Found]:
        """A mention as a file gives it; none if its spans are none and reading is lenient.

        Raises:
            UserError: its spans are empty, negative or overlap, and reading is strict.
        """
        try:
            return [Found(line, Entity(id, type, tuple(sorted(spans)), concept, score), mention)]
        except ValueError as error:
            self.odd(line, str(error), "mend its offsets, or remove it")
            return []

    def note(self, kind: Kind, what: str, line: int | None = None, count: int = 1) -> None:
        """Record what is odd; a count of zero is nothing odd."""
        if count:
            self.notices.append(Notice(kind, what, self.name if line is None else self.place(line), count))

    def tell(self, left_out: Mapping[str, int]) -> None:
        """Record what was left out, which is named in the plural, and how often."""
        for what, count in left_out.items():
            self.note("left out", counted(count, what), count=count)

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

        Lenient reading leaves out mentions that reach past the text and relations of what is not there, keeps mentions
        whose text is not what stands at their offsets, gives ids that are there again other ones, and converts offsets
        that fit in another unit alone; each is told.

        Raises:
            UserError: one of these, and reading is strict; or a name or the text is no text.
        """
        stated = [item if isinstance(item, FoundRelation) else FoundRelation(line, item) for item in relations]
        found = sorted(self._in_characters(line, id, text, list(found)), key=lambda item: item.entity.spans)
        if self.reading.each_once:
            if id in self._ids:
                id = self._repeat(line, id)
            self._ids.add(id)
        self._check_names(line, found, stated)
        entities: dict[str, Entity] = {}
        for item in found:
            if self._is_within(text, item):
                entity = self._with_own_id(id, item, entities)
                entities[entity.id] = entity
        related = tuple(self._related(id, entities, stated))
        sentences, tokens = self._apart(line, id, "sentences", sentences), self._apart(line, id, "tokens", tokens)
        try:
            return Document(id, text, tuple(entities.values()), related, sentences, tokens)
        except ValueError as error:
            raise self._no_text(line, str(error)) from None

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
            self.odd(item.line, what, "mark that entity, or mend or remove the relation")

    def _apart(self, line: int, id: str, what: str, spans: Iterable[Span]) -> tuple[Span, ...]:
        """Sentences or tokens in their order; none if they overlap, as a word would then be in two."""
        found = tuple(sorted(spans))
        if any(start < end for (_, end), (start, _) in pairwise(found)):
            self.odd(line, f"the {what} of document {id!r} overlap, so none are read", "mend their offsets")
            return ()
        return found

    def _in_characters(self, line: int, id: str, text: str, found: list[Found]) -> list[Found]:
        """The mentions, whose offsets may count something else than characters, which then is told."""
        unit, converted = units.recognised(text, [(item.entity.spans, item.mention) for item in found])
        if unit is None:
            return found
        what = f"the offsets of document {id!r} fit only as {unit}; they are converted"
        self.odd(line, what, "write offsets that count the characters of the text", "mended", len(found))
        return [
            replace(item, entity=replace(item.entity, spans=spans))
            for item, spans in zip(found, converted, strict=True)
        ]

    def _decode(self, number: int, raw: bytes, encoding: str, alone: bool = False) -> str:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError as error:
            bad = raw[error.start]
            what = f"invalid UTF-8: byte 0x{bad:02x} at byte {error.start + 1} of the line"
            told = self.error(number, what, NOT_UTF8)
            if self.reading.failed is None or alone:
                raise told from None
            self._not_utf8.append((number, told))
            return raw.decode(encoding, errors="surrogateescape")

    def _no_text(self, line: int, what: str) -> UserError:
        """What is wrong with a document that begins at a line: the first of its lines that is not UTF-8, if one is."""
        self._not_utf8 = [(number, error) for number, error in self._not_utf8 if number >= line]
        return self._not_utf8[0][1] if self._not_utf8 else self.error(line, what)

    def _repeat(self, line: int, id: str) -> str:
        copy = again(id, self._ids)
        what = f"document {id!r} is there twice; the second is called {copy!r}"
        self.odd(line, what, "give each document an id of its own", "repeat")
        return copy

    def _with_own_id(self, document: str, item: Found, entities: Mapping[str, Entity]) -> Entity:
        entity = item.entity
        if entity.id not in entities:
            return entity
        name = again(entity.id, entities)
        what = f"document {document!r} has two entities with the id {entity.id!r}; the second is called {name!r}"
        self.odd(item.line, what, "give each an id of its own", "mended")
        return replace(entity, id=name)

    def _check_names(self, line: int, found: Iterable[Found], stated: Iterable[FoundRelation]) -> None:
        """The document itself checks its id and its text."""
        entities = (name for item in found for name in (item.entity.id, item.entity.type, item.entity.concept or ""))
        relations = (item.relation.type for item in stated)
        if not all(map(is_text, chain(entities, relations))):
            raise self._no_text(line, "a name holds bytes that are not UTF-8, or half a surrogate pair")

    def _is_within(self, text: str, item: Found) -> bool:
        """Whether a mention is to be kept: whether it is in the text, whatever stands there."""
        entity = item.entity
        if entity.end > len(text):
            self.odd(
                item.line,
                f"entity {entity.id!r} reaches to {entity.end}, past the text's {len(text)} characters",
                "offsets count characters of the document's text, the end exclusive",
            )
            return False
        if not units.fits(text, entity.spans, item.mention):
            actual = " ".join(text[start:end] for start, end in entity.spans)
            what = f"entity {entity.id!r} is said to be {item.mention!r} but {actual!r} stands at {entity.spans}"
            self.odd(item.line, what, "mend its offsets or its text", "mismatch")
        return True
