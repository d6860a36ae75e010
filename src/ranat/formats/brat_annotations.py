"""The annotations of one text in BRAT's standoff, and in that of the BioNLP shared tasks.

    T1<TAB>Chemical 0 8<TAB>Naloxone
    T2<TAB>Disease 10 16;30 38<TAB>Ocular toxicity
    R1<TAB>Treats Arg1:T1 Arg2:T2
    N1<TAB>Reference T1 MESH:D009270<TAB>Naloxone

Mentions, relations between two of them and their concepts are read. Two mentions are a relation in the order in which
they are written, or in that of `annotation.conf`; Arg1 is the head in any order. Several concepts of one mention are
joined by "|". A concept without a source is written as `concept:ID`, as BRAT wants one.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ranat.documents.document import Document, Relation, is_variant
from ranat.formats.notice import Kind, Notice
from ranat.formats.source import Found, FoundRelation, Source

Roles = Mapping[str, tuple[str, str]]
"""Type of relations → the role of the head and that of the tail."""

Tally = Counter[tuple[Kind, str, str]]
"""How often something was done: what, of one and of several."""

_MENTION = re.compile(r"(T\S*)\t(\S+) (\d{1,18} \d{1,18}(?:;\d{1,18} \d{1,18})*)(?:\t(.*))?", re.DOTALL)
_RELATION = re.compile(r"R\S*\t(\S+)((?: [^\s:]+:\S+)+)\s*")
_CONCEPT = re.compile(r"N\S*\t\S+ (\S+) (\S+)\s*(?:\t.*)?", re.DOTALL)
_TRIGGER = re.compile(r"E\S*\t[^\s:]+:(\S+)")
_SECTION = re.compile(r"\[(.*)\]")
_ROLES = re.compile(r"(\S+)\s+([^\s:,]+):[^,]*,\s*([^\s:,]+):")
_SOURCED = re.compile(r"(?!concept:)[^\s:]+:\S+")
_NO_SOURCE = "concept:"

_EMPTY = ("mention lacks its text, taken from its offsets", "mentions lack their text, taken from their offsets")
_UNORDERED = ("mention has parts out of order, put in order", "mentions have parts out of order, put in order")
_OF_EVENT = ("relation of an event", "relations of events")
_NO_PAIR = ("relation that is not between two mentions", "relations that are not between two mentions")
_NO_MENTION = ("normalisation of what is no mention", "normalisations of what is no mention")
_LEFT_OUT = {
    "E": ("event", "events"),
    "A": ("attribute", "attributes"),
    "M": ("modification", "modifications"),
    "#": ("note", "notes"),
    "*": ("equivalence", "equivalences"),
}


class Joined(Source):
    """Several files of annotations of one text, read as one; line numbers go on from file to file."""

    def __init__(self, parts: Sequence[Source]) -> None:
        super().__init__(parts[0].stream, parts[0].name, parts[0].notices, parts[0].reading)
        self._parts = parts
        self._before = [0]

    def lines(self) -> Iterator[tuple[int, str]]:
        """The lines of all files."""
        for part in self._parts:
            number = 0
            for number, line in part.lines():
                yield self._before[-1] + number, line
            self._before.append(self._before[-1] + number)

    def place(self, line: int) -> str:
        """The file and its own line."""
        index = max(i for i, before in enumerate(self._before[: len(self._parts)]) if before < line)
        return self._parts[index].place(line - self._before[index])


def roles_of(settings: str) -> Roles:
    """The order of roles that BRAT's `annotation.conf` gives, such as `Treats From:Drug, To:Disease`."""
    section, found = "", dict[str, tuple[str, str]]()
    for line in map(str.strip, settings.splitlines()):
        if match := _SECTION.fullmatch(line):
            section = match[1]
        elif section == "relations" and (match := _ROLES.match(line)):
            found.setdefault(match[1], (match[2], match[3]))
    return found


def told(tally: Tally, where: str) -> Iterator[Notice]:
    """What was done, as notices."""
    for (kind, one, several), count in (+tally).items():
        yield Notice(kind, f"{count} {one if count == 1 else several}", where, count)


def annotated(source: Source, id: str, text: str, roles: Roles, tally: Tally) -> Document:
    """A text with its annotations.

    Args:
        source: the annotations.
        id: of the document.
        text: of it.
        roles: which mention of a relation is its head, where that is not the first.
        tally: what is left out or mended in any of many documents is counted there.
    Raises:
        UserError: a line is odd and reading is strict, or see `Source.document`.
    """
    lines = [(number, line) for number, line in source.lines() if line.strip()]
    triggers = {match[1] for _, line in lines if (match := _TRIGGER.match(line))}
    found: list[Found] = []
    relations: list[FoundRelation] = []
    concepts: defaultdict[str, list[str]] = defaultdict(list)
    for number, line in lines:
        if line.startswith("T"):
            if line.split("\t")[0] in triggers:
                tally["left out", "trigger", "triggers"] += 1
            else:
                found += _mention(source, number, line, text, tally)
        elif line.startswith("R"):
            if relation := _relation(source, number, line, roles, triggers, tally):
                relations.append(FoundRelation(number, relation))
        elif line.startswith("N"):
            if match := _CONCEPT.fullmatch(line):
                concepts[match[1]].append(match[2].removeprefix(_NO_SOURCE))
            else:
                remedy = "write N1<TAB>Reference T1 SOURCE:ID<TAB>MENTION"
                source.odd(number, f"{line[:80]!r} is no normalisation", remedy)
        elif line[0] in _LEFT_OUT:
            tally["left out", *_LEFT_OUT[line[0]]] += 1
        else:
            source.odd(number, f"{line[:40]!r} is no annotation of BRAT's", "begin it with T1, R1 or the like")
    for index, item in enumerate(found):
        if own := concepts.pop(item.entity.id, None):
            found[index] = replace(item, entity=replace(item.entity, concept="|".join(dict.fromkeys(own))))
    if concepts:
        lost = sum(map(len, concepts.values()))
        tally["left out", *_NO_MENTION] += lost
    return source.document(1, id, text, found, relations=relations)


def as_lines(document: Document) -> Iterator[str]:
    """The annotations of a document, a line each without its end."""
    for entity in document.entities:
        offsets = ";".join(f"{start} {end}" for start, end in entity.spans)
        yield f"{entity.id}\t{entity.type} {offsets}\t{_one_line(document.mention(entity))}"
    for number, relation in enumerate(document.relations, 1):
        yield f"R{number}\t{relation.type} Arg1:{relation.head} Arg2:{relation.tail}"
    number = 0
    for entity in document.entities:
        for concept in _parts(entity.concept or ""):
            number += 1
            reference = concept if _SOURCED.fullmatch(concept) else f"{_NO_SOURCE}{concept}"
            yield f"N{number}\tReference {entity.id} {reference}\t{_one_line(document.mention(entity))}"


def _parts(concept: str) -> list[str]:
    """The parts of a composite concept; one with an empty or repeated part, or of tmVar, is written as a whole."""
    parts = concept.split("|")
    apart = all(parts) and len(set(parts)) == len(parts) and not is_variant(concept)
    return parts if apart else [concept] if concept else []


def _one_line(mention: str) -> str:
    """A line end within a mention would end the annotation, so BRAT writes a space."""
    return re.sub(r"[\r\n]", " ", mention)


def _mention(source: Source, number: int, line: str, text: str, tally: Tally) -> list[Found]:
    match = _MENTION.fullmatch(line)
    if match is None:
        remedy = "write T1<TAB>TYPE START END<TAB>MENTION, or START END;START END"
        source.odd(number, f"{line[:80]!r} is no mention", remedy)
        return []
    id, kind, offsets, mention = match.groups()
    written = [(int(start), int(end)) for start, end in (span.split(" ") for span in offsets.split(";"))]
    if mention in (actual := " ".join(text[start:end] for start, end in written), _one_line(actual)):
        mention = " ".join(text[start:end] for start, end in sorted(written))
    found = source.found(number, id, kind, written, mention or None)
    tally["mended", *_EMPTY] += bool(found and not mention)
    tally["mended", *_UNORDERED] += bool(found and written != sorted(written))
    return found


def _relation(
    source: Source, number: int, line: str, roles: Roles, triggers: set[str], tally: Tally
) -> Relation | None:
    match = _RELATION.fullmatch(line)
    if match is None:
        source.odd(number, f"{line[:80]!r} is no relation", "write R1<TAB>TYPE Arg1:T1 Arg2:T2")
        return None
    ends = [(role, id) for role, _, id in (argument.partition(":") for argument in match[2].split())]
    if any(id.startswith("E") or id in triggers for _, id in ends):
        tally["left out", *_OF_EVENT] += 1
        return None
    if len(ends) != 2 or not all(id.startswith("T") for _, id in ends):
        tally[
            "left out", "relation that is not between two mentions", "relations that are not between two mentions"
        ] += 1
        return None
    (first, head), (second, tail) = ends
    if (second, first) in (("Arg1", "Arg2"), roles.get(match[1])):
        head, tail = tail, head
    return Relation(match[1], head, tail)
