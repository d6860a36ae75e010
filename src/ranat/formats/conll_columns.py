"""Which column of a file of words has the words, and which has their tags.

The first has the words and the last the tags, unless a line at the top names them, such as `word pos ner`, or the user
does. A file whose columns hold something else is refused, and the message says which of them look right.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ranat.errors import UserError
from ranat.formats.conll_tags import is_tag, type_of
from ranat.formats.fitting.tagged import DOCSTART
from ranat.formats.source import Source
from ranat.terminal import plain

Line = tuple[int, str]
_Row = tuple[int, list[str]]

EXAMPLE = "write TOKEN<TAB>TAG with a tag such as O, B-Disease or I-Disease"

_NAMES = {
    "token": ("token", "tokens", "word", "words", "form", "text"),
    "tag": ("ner", "ner_tag", "ner_tags", "ne", "entity", "iob", "bio", "label", "labels", "tag", "tags"),
}
"""What a header calls a column, in the order in which one of several is taken."""

_CHUNKS = {"NP", "VP", "PP", "ADVP", "ADJP", "SBAR", "PRT", "CONJP", "INTJ", "LST", "UCP"}
"""Types of phrases, which stand beside those of entities in the files of CoNLL-2003."""

_NUMBER = re.compile(r"-?\d+([.,:-]\d+)*")
_FEW, _MANY = 3, 100
"""Lines from which a column is refused though no other looks better; lines from which its variety is judged."""
_SHARE = 0.9
"""Of a column of tags that has to be tags."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of a file are.

    Args:
        token: index of the column of words.
        tag: index of the column of tags; -1: the last one of each line.
        width: how many columns most lines have.
        header: number of the line that names them.
    """

    token: int = 0
    tag: int = -1
    width: int = 0
    header: int | None = None

    def is_row(self, cells: Sequence[str]) -> bool:
        """Whether a line that begins with # is one of a word all the same, and no comment."""
        return len(cells) == self.width and _is_tag_or_piece(cells[self.tag])


def cells_of(line: str) -> list[str]:
    """The cells of a line: between tabs, or between spaces where it has no tab."""
    line = line.rstrip("\t ")
    if "\t" not in line:
        return re.split(" +", line.lstrip(" "))
    cells = line.split("\t")
    return [cell.strip(" ") for cell in cells] if " " in line else cells


def looks_tagged(lines: Iterable[str]) -> bool:
    """Whether the lines look like words with their tags, in whatever columns."""
    numbered = list(enumerate(lines, 1))
    rows = _rows(numbered)
    columns = _header(numbered, rows, {})
    rows = [row for row in rows if row[0] != columns.header]
    if len(rows) < 1 + (columns.header is None):
        return False
    if _are_tags([cells[-1] if len(cells) > 1 else "" for _, cells in rows]):
        return True
    return any(_are_tags(column) and _is_marked(column) and "O" in column for column in _table(rows, columns.width))


def columns_of(source: Source, lines: Sequence[Line]) -> Columns:
    """What the columns of a file are, by its first lines.

    Raises:
        UserError: the user names a column that is not there; or one that the user has not named does not hold what it
            would be read as.
    """
    named = source.reading.columns
    rows = _rows(lines)
    if not rows:
        return Columns()
    columns = _header(lines, rows, named)
    columns = _as_named(source, rows[0][0], columns, named)
    if columns.header is not None:
        token, tag = columns.token + 1, columns.tag % columns.width + 1
        source.note("note", f"is read as a header: column {token} has the tokens, {tag} the tags", columns.header)
        rows = [row for row in rows if row[0] != columns.header]
    first = next(line for _, line in lines if line.strip(" \t"))
    if rows and not is_stated(cells_of(first)):
        _check(source, rows, columns, named)
    return columns


def is_stated(cells: Sequence[str]) -> bool:
    """Whether the cells begin a document and have its id and text as JSON, by which the words are checked."""
    return cells[0] == DOCSTART and len(cells) > 1 and cells[1].startswith("{")


def _rows(lines: Iterable[Line]) -> list[_Row]:
    """The lines that have words; what begins with # has one only if all lines do."""
    found = [(number, line, cells_of(line)) for number, line in lines if line.strip(" \t")]
    found = [row for row in found if DOCSTART not in row[2]]
    plain = [(number, cells) for number, line, cells in found if not line.startswith("#")]
    return plain or [(number, cells) for number, _, cells in found if is_tag(cells[-1])]


def _table(rows: Sequence[_Row], width: int) -> list[list[str]]:
    """The columns of the lines that have so many."""
    return [list(column) for column in zip(*(cells for _, cells in rows if len(cells) == width), strict=True)]


def _header(lines: Iterable[Line], rows: Sequence[_Row], named: Mapping[str, str]) -> Columns:
    """The columns as the first line or a comment above it names them; without header the first and the last."""
    widths = Counter(len(cells) for _, cells in rows).most_common(1)
    usual = Columns(width=widths[0][0] if widths else 0)
    wanted = {what for what, name in named.items() if not name.isdecimal()}
    for number, line in lines:
        is_comment = line.startswith("#")
        names = cells_of(re.sub(r"\A#\s*(global\.columns\s*=)?\s*", "", line))
        if not line.strip(" \t") or DOCSTART in names:
            continue
        found = {what: _place(names, what, named.get(what, "")) for what in _NAMES}
        missing = {what for what, place in found.items() if place is None}
        if len(names) == usual.width and not missing & wanted and (wanted or not missing):
            token, tag = found["token"] or 0, -1 if found["tag"] is None else found["tag"]
            if not is_tag(names[tag]):
                return Columns(token, tag, usual.width, number)
        if not is_comment:
            break
    return usual


def _place(names: Sequence[str], what: str, named: str) -> int | None:
    known = _NAMES[what] if not named or named.isdecimal() else (named.casefold(),)
    folded = [name.casefold() for name in names]
    return next((folded.index(name) for name in known if name in folded), None)


def _as_named(source: Source, line: int, columns: Columns, named: Mapping[str, str]) -> Columns:
    """The columns with those that the user has named by number, and the check that those named by name are there."""
    places = {"token": columns.token, "tag": columns.tag}
    names = [name for name in named.values() if not name.isdecimal()]
    if names and columns.header is None:
        what = f"no line at the top has the columns {' and '.join(map(repr, names))}"
        raise source.error(line, what, "name them there, or say them by number: token=1,tag=2")
    for what, name in named.items():
        if name.isdecimal():
            if not 1 <= int(name[:9]) <= columns.width:
                raise source.error(line, f"there is no column {name[:9]}", f"most lines have {columns.width} columns")
            places[what] = int(name[:9]) - 1
    return Columns(places["token"], places["tag"], columns.width, columns.header)


def _check(source: Source, rows: Sequence[_Row], columns: Columns, named: Mapping[str, str]) -> None:
    table = _table(rows, columns.width)
    if not table:  # each line is wrong, and is told by itself
        return
    token, tag = columns.token, columns.tag % columns.width
    best_tag = _best_tag(table)
    best_token = _best_token(table)
    wrong = []
    if "token" not in named and (kind := _unlike_tokens(table, token, best_token)):
        wrong.append(f"{_shown(table, token)} holds {kind}, not tokens")
    if "tag" not in named and (kind := _unlike_tags(rows, table, columns.tag, best_tag)):
        wrong.append(f"{_shown(table, tag)} holds {kind}")
    if wrong:
        raise _refused(source, rows[0], wrong, table, best_token, best_tag)
    for other, values in enumerate(table):
        if other not in (token, tag) and _are_tags(values) and _is_marked(values) and not _are_chunks(values):
            source.note("left out", f"{_shown(table, other)} holds tags, too; --columns tag={other + 1} reads it")


def _refused(
    source: Source, first: _Row, wrong: list[str], table: list[list[str]], token: int | None, tag: int | None
) -> UserError:
    line, cells = first
    if tag is None:
        return source.error(line, f"no column holds tags; the first line is {' '.join(cells)[:80]!r}", EXAMPLE)
    if token is not None:
        wrong.append(f"{_shown(table, token)} looks like tokens")
    wrong.append(f"{_shown(table, tag)} looks like tags")
    best = f"--columns token={'N' if token is None else token + 1},tag={tag + 1}"
    return source.error(line, "; ".join(wrong), f"say what they are, such as {best}")


def _shown(table: list[list[str]], column: int) -> str:
    """A column by its number and first values."""
    examples = list(dict.fromkeys(table[column]))[:2]
    return f"column {column + 1} ({', '.join(plain(value[:20]) for value in examples)})"


def _unlike_tokens(table: list[list[str]], token: int, best: int | None) -> str | None:
    """What a column holds that are no words."""
    values = table[token]
    kind = None
    if _are_tags(values) and (_is_marked(values) or len(set(values)) > 1):
        kind = "tags"
    elif all(map(_NUMBER.fullmatch, values)):
        kind = "numbers"
    elif _is_constant(values):
        kind = "one value alone"
    elif best is not None and len(values) >= _MANY and 4 * len(set(values)) < len(set(table[best])):
        kind = "few different values"
    elif best is not None and len(values) >= _MANY and len(set(values)) == len(values):
        kind = "another value in each line"
    return kind if best is not None or len(values) >= _FEW else None


def _unlike_tags(rows: Sequence[_Row], table: list[list[str]], tag: int, best: int | None) -> str | None:
    """What a column holds that are no tags of entities."""
    values = [cells[tag] for _, cells in rows if len(cells) > 1 and tag < len(cells)]
    if sum(map(_is_tag_or_piece, values)) < len(rows) / 2:
        return "no tags"
    if best is not None and best != tag % len(table) and _are_chunks(values) and not _are_chunks(table[best]):
        return "phrases, not entities"
    return None


def _best_tag(table: list[list[str]]) -> int | None:
    """The column that looks most like tags of entities, the last of several."""
    found = [column for column, values in enumerate(table) if len(table) > 1 and _are_tags(values)]
    return max(
        found,
        key=lambda at: (_is_marked(table[at]) and not _are_chunks(table[at]), _is_marked(table[at]), at),
        default=None,
    )


def _best_token(table: list[list[str]]) -> int | None:
    """The first column that looks like words: it has small letters, and hardly another is as varied."""
    found = [
        column
        for column, values in enumerate(table)
        if not _are_tags(values)
        and not _is_constant(values)
        and (len(values) < _MANY or len(set(values)) < len(values))
        and any(character.islower() for value in values for character in value)
    ]
    most = max((len(set(table[column])) for column in found), default=0)
    return next((column for column in found if 2 * len(set(table[column])) >= most), None)


def _is_tag_or_piece(value: str) -> bool:
    """Whether it is a tag, or what stands at the further pieces of a word."""
    return is_tag(value) or value == "X"


def _are_tags(values: Sequence[str]) -> bool:
    return sum(map(_is_tag_or_piece, values)) >= _SHARE * len(values)


def _is_marked(values: Iterable[str]) -> bool:
    """Whether one of the tags has a type."""
    return any(is_tag(value) and type_of(value) for value in values)


def _are_chunks(values: Iterable[str]) -> bool:
    """Whether the tags are those of phrases."""
    types = {type_of(value) for value in values if is_tag(value)} - {""}
    return bool(types) and types <= _CHUNKS


def _is_constant(values: Sequence[str]) -> bool:
    return len(values) > 1 and len(set(values)) == 1
