"""spaCy's binary training data, `.spacy`: a DocBin. Needs spaCy, which is the extra `spacy`.

Mentions are `Doc.ents`; their ids and concepts are spaCy's `ent_id` and `kb_id`, where there are any, and a document's
id is `user_data["id"]`. Span groups, categories and everything else of a Doc are left out. Nothing of it is pickled: a
DocBin is msgpack, packed by zlib. A file is read and written as a whole.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from ranat.documents.document import Document, Span
from ranat.errors import UserError
from ranat.formats.base import Sure, reader, writer
from ranat.formats.fitting import tagged
from ranat.formats.fitting.names import renamed
from ranat.formats.fitting.spelling import not_empty
from ranat.formats.fitting.steps import in_text_order
from ranat.formats.json_documents import tell
from ranat.formats.sample import Sample
from ranat.formats.source import LONGEST, Source
from ranat.formats.spacy import mentions

_NO_GROUPS = (None, b"", b"\x80", b"\x90")  # an empty mapping or list
_ATTRIBUTES = ["ENT_IOB", "ENT_TYPE", "ENT_ID", "ENT_KB_ID"]


def _sure(sample: Sample) -> Sure:
    return Sure.CERTAIN if sample.head.startswith("x") and sample.name.endswith(".spacy") else Sure.NO


@reader("docbin", suffixes=(".spacy",), sure=_sure, binary=True)
def read(source: Source) -> Iterator[Document]:
    """Documents of a DocBin; places in messages are the numbers of its documents.

    Raises:
        UserError: it is none, or is damaged; or spaCy is not installed.
    """
    spacy = _spacy(source.name)
    left_out: Counter[str] = Counter()
    data = source.stream.read(LONGEST)
    with _readable(source.name):
        found = _Bin(spacy, _unpacked(source, data))
        left_out.update(f"the attribute {name} of the words" for name in found.unread())

    def parse(number: int) -> Document:
        with _readable(f"{source.name}:{number}"):
            return _document(source, number, found.doc(number - 1), left_out)

    yield from source.each(range(1, len(found) + 1), parse)
    tell(source, left_out)


class _Doc(NamedTuple):
    """What is stored of a Doc.

    Args:
        words: its tokens, white space among them.
        spaces: whether a space follows each.
        marks: of each token its IOB code (0 not known, 1 I, 2 O, 3 B), type, id of the mention, and concept.
        user_data: what its users put there.
        others: what else it has.
    """

    words: list[str]
    spaces: list[bool]
    marks: list[tuple[int, str, str, str]]
    user_data: dict[Any, Any]
    others: list[str]


class _Bin:
    """A DocBin's message (https://spacy.io/api/docbin#serialization-format), of which little is trusted.

    spaCy's own `get_docs` sets whatever attributes the file has, in C, without checking them.

    Args:
        spacy: the module.
        data: the message, unpacked.
    """

    def __init__(self, spacy: Any, data: bytes) -> None:
        import srsly

        self._message = srsly.msgpack_loads(data)
        names = {number: name for name, number in spacy.attrs.IDS.items()}
        self._names = [names.get(number, str(number)) for number in self._message["attrs"]]
        self._cells = memoryview(self._message["tokens"]).cast("Q")  # row by row, a column an attribute
        self._spaces = memoryview(self._message["spaces"]).cast("?")
        lengths = memoryview(self._message["lengths"]).cast("i")
        self._ends = [0, *accumulate(lengths)]
        n_words = self._ends[-1]
        if min(lengths, default=0) < 0 or (n_words * len(self._names), n_words) != (
            len(self._cells),
            len(self._spaces),
        ):
            raise ValueError("its lengths are not those of its words")
        self._strings = spacy.strings.StringStore(self._message["strings"])
        self._loads = srsly.msgpack_loads

    def __len__(self) -> int:
        return len(self._ends) - 1

    def unread(self) -> Iterator[str]:
        """Attributes of words that are set and not read."""
        for column, name in enumerate(self._names):
            if name not in ("ORTH", "NORM", "SPACY", "SENT_START", *_ATTRIBUTES) and any(
                self._cells[column :: len(self._names)]
            ):
                yield name

    def doc(self, number: int) -> _Doc:
        """A Doc by its number, from 0."""
        start, end = self._ends[number : number + 2]
        flags = self._of("flags", number) or {}
        spaces = [True] * (end - start) if flags.get("has_unknown_spaces") else list(self._spaces[start:end])
        columns = [self._column(name, start, end) for name in ("ORTH", *_ATTRIBUTES)]
        words, names = self._words(columns[0]), map(self._words, columns[2:])
        user_data = self._of("user_data", number)
        others = ["the categories of a document"] if self._of("cats", number) else []
        if self._of("span_groups", number) not in _NO_GROUPS:
            others.append("the span groups of a document")
        marks = zip(columns[1], *names, strict=True)
        return _Doc(words, spaces, list(marks), self._loads(user_data) if user_data else {}, others)

    def _column(self, name: str, start: int, end: int) -> list[int]:
        if name not in self._names:
            return [0] * (end - start)
        n = len(self._names)
        return list(self._cells[start * n + self._names.index(name) : end * n : n])

    def _words(self, keys: list[int]) -> list[str]:
        return [self._strings[key] if key else "" for key in keys]

    def _of(self, key: str, number: int) -> Any:
        return self._message[key][number] if self._message.get(key) else None


def _document(source: Source, number: int, doc: _Doc, left_out: Counter[str]) -> Document:
    text, tokens = "", list[Span]()
    for word, space in zip(doc.words, doc.spaces, strict=True):
        tokens.append((len(text), len(text) + len(word)))
        text += word + " " * space
    found: list[tuple[str, str, str, int, int]] = []
    before = (0, "", "", "")
    for (start, end), mark in zip(tokens, doc.marks, strict=True):
        if mark[0] == 1 and before[0] in (1, 3) and mark[1] == before[1]:
            found[-1] = (*found[-1][:4], end)
        elif mark[0] in (1, 3):
            found.append((*mark[1:], start, end))
        before = mark
    left_out["a word whose tag is not known"] += sum(mark[0] == 0 for mark in doc.marks)
    left_out.update(doc.others)
    left_out.update(f"the user data {key!r}" for key in doc.user_data if key != "id")
    ids = Counter(id for _, id, *_ in found if id)
    if shared := sum(times for times in ids.values() if times > 1):
        left_out["an id that several mentions have, as a rule of spaCy's gives them"] += shared
    marked = [
        one
        for n, (type, id, concept, start, end) in enumerate(found, 1)
        for one in source.found(number, id if ids[id] == 1 else f"T{n}", type, [(start, end)], concept=concept or None)
    ]
    id = str(doc.user_data["id"]) if "id" in doc.user_data else source.numbered(number)
    words = [span for span in tokens if not text[slice(*span)].isspace()]
    return source.document(number, id, text, marked, tokens=words)


def _unpacked(source: Source, data: bytes) -> bytes:
    """The message, which zlib packs.

    Raises:
        UserError: it is too long to be held in memory.
    """
    message = zlib.decompressobj().decompress(data, LONGEST + 1)
    if len(message) > LONGEST:
        raise UserError(f"more than {LONGEST:,} bytes", where=source.name, remedy="split it")
    return message


def _fit(document: Document, lost: Counter[str]) -> Document:
    document = renamed(in_text_order(mentions(document, lost), lost), not_empty, lost)
    return replace(tagged.with_words(document), sentences=())


@writer("docbin", fit=_fit, suffix=".spacy")
def write(given: Iterable[Document], out: Path) -> None:
    """Write a DocBin, which is put together in memory.

    Raises:
        UserError: spaCy is not installed.
    """
    spacy = _spacy(str(out))
    with out.open("xb") as stream:
        found = spacy.tokens.DocBin(attrs=_ATTRIBUTES, store_user_data=True)
        vocabulary = spacy.vocab.Vocab()
        for document in given:
            found.add(_doc(spacy, vocabulary, document))
        stream.write(found.to_bytes())


def _doc(spacy: Any, vocabulary: Any, document: Document) -> Any:
    """A document as spaCy has it: white space but single spaces is a word, too."""
    text, words, spaces = document.text, list[str](), list[bool]()
    number_of: dict[int, int] = {}  # where a word starts → its number
    ends = {0: 0}  # where a word ends → how many words there are until there
    for (_, before), (start, end) in pairwise([(0, 0), *document.tokens, (len(text), len(text))]):
        gap = text[before:start]
        if words and gap.startswith(" "):
            spaces[-1], gap = True, gap[1:]
        if gap:
            words.append(gap)
            spaces.append(False)
        if start < end:
            number_of[start] = len(words)
            words.append(text[start:end])
            spaces.append(False)
            ends[end] = len(words)
    doc = spacy.tokens.Doc(vocabulary, words=words, spaces=spaces, user_data={"id": document.id})
    doc.ents = [
        spacy.tokens.Span(doc, number_of[e.start], ends[e.end], label=e.type, span_id=e.id, kb_id=e.concept or "")
        for e in document.entities
    ]
    return doc


def _spacy(where: str) -> Any:
    try:
        import spacy.attrs
        import spacy.strings
        import spacy.tokens
        import spacy.vocab
    except ModuleNotFoundError:
        raise UserError("spaCy is not installed", where=where, remedy="pip install 'ranat[spacy]'") from None
    return spacy


@contextmanager
def _readable(where: str) -> Iterator[None]:
    """What is wrong with a message becomes an error of the user's."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # a damaged message can be anything
        what = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise UserError(f"is no DocBin, or a damaged one: {what}", where=where) from None
