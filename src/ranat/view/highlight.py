"""A document as HTML: its mentions marked in its text, its relations in a table below; escaped, and without a script.

The text is cut wherever a mention begins or ends, and each segment stands in a `<mark>` of each mention that it is in:
so nested, overlapping and discontinuous mentions can all be seen. Segments of one mention have the same data-entity.
Colours are those that Okabe and Ito chose for the colour-blind; the type stands beside the mention too.
"""

from __future__ import annotations

import html
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from ranat.documents.document import Document, Entity, Span

DEEPEST = 12
"""The most mentions that are marked over one character: more could not be told apart, and a page of ten thousand would
have the square of them."""

_Key = tuple[int, int, int]
"""Start, end as a negative number, and index of a mention: sorts the longer of two that begin together first."""

_COLOURS = ("230 159 0", "86 180 233", "0 158 115", "204 121 167", "0 114 178", "213 94 0", "220 205 50", "140 140 140")
_CONTROLS = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n\r"},
    **dict.fromkeys((*range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD),
}
"""Control characters as their pictures; those that turn the direction of what comes after them as �."""

STYLE = (
    """
.ranat { line-height: 1.5; }
.ranat h2 { font-size: 1rem; margin: 0 0 .4rem; overflow-wrap: anywhere; }
.ranat .text { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 2.2; margin: 0; unicode-bidi: isolate; }
.ranat mark { --c: 140 140 140; color: inherit; background: rgb(var(--c) / .2); border-bottom: 2px solid rgb(var(--c));
  padding: 0 0 var(--deep); unicode-bidi: isolate; }
.ranat .over0 { --deep: 0; }
.ranat .over1 { --deep: 4px; } .ranat .over2 { --deep: 8px; } .ranat .over3 { --deep: 12px; }
.ranat .begins { border-left: 2px solid rgb(var(--c)); border-radius: 3px 0 0 0; padding-left: 2px; }
.ranat .ends, .ranat .breaks { border-right: 2px solid rgb(var(--c)); border-radius: 0 3px 0 0; padding-right: 2px; }
.ranat mark::after { font: 600 .65em/1 system-ui, sans-serif; white-space: nowrap; unicode-bidi: isolate; }
.ranat .ends::after { content: " " attr(data-type); }
.ranat .ends[data-remark]::after { content: " " attr(data-type) " · " attr(data-remark); }
.ranat .breaks::after { content: " …"; }
.ranat .scroll { overflow-x: auto; }
.ranat table { border-collapse: collapse; font-size: .85rem; margin: .6rem 0 0; }
.ranat th, .ranat td { text-align: left; padding: .15rem .7rem .15rem 0; border-top: 1px solid rgb(128 128 128 / .4);
  vertical-align: top; }
.ranat thead th { border: 0; }
.ranat .note { font-size: .85rem; margin: .4rem 0 0; }
.ranat-legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; padding: 0; margin: 0; list-style: none; }
"""
    + "\n".join(f".ranat .colour{number} {{ --c: {colour}; }}" for number, colour in enumerate(_COLOURS))
    + "\n"
)
"""The style sheet of all that this module makes; light and dark alike, as it takes over the page's own ink."""


@dataclass
class Legend:
    """Which types there are, in the order they are met, so that one has one colour in all documents of a page.

    Args:
        mentions: type → how many mentions of it were marked.
    """

    mentions: dict[str, int] = field(default_factory=dict)
    _colours: dict[str, int] = field(default_factory=dict)

    def colour(self, kind: str) -> str:
        """The class of a type's colour; there are eight, so from the ninth type on they come again."""
        return f"colour{self._colours.setdefault(kind, len(self._colours)) % len(_COLOURS)}"

    def html(self) -> str:
        """The types with their colours and counts."""
        items = (
            f'<li><mark class="begins ends {self.colour(kind)}" data-type="{escape(kind)}">{count:,}</mark></li>'
            for kind, count in self.mentions.items()
        )
        return f'<ul class="ranat ranat-legend">{"".join(items)}</ul>'


def escape(text: str) -> str:
    """Text as HTML shows it, in an element or a quoted attribute; control characters made visible."""
    return html.escape(text.translate(_CONTROLS))


def fragment(document: Document, legend: Legend | None = None) -> str:
    """The document as one `<article>`: its id, its text with its mentions, its relations.

    Args:
        document: any.
        legend: of the page that it becomes a part of.
    """
    return (
        f'<article class="ranat"><h2><bdi>{escape(document.id)}</bdi></h2>'
        f"{marked(document, legend)}{related(document)}</article>"
    )


def to_html(document: Document) -> str:
    """The document as HTML to put into a page or a notebook, its style included."""
    return f"<style>{STYLE}</style>{fragment(document)}"


def marked(document: Document, legend: Legend | None = None, remarks: Mapping[str, str] | None = None) -> str:
    """The text with its mentions.

    Args:
        document: any.
        legend: of the page that it becomes a part of.
        remarks: entity id → a word that stands with its type.
    """
    legend, remarks = legend or Legend(), remarks or {}
    starts = {(number, start) for number, entity in enumerate(document.entities) for start, _ in entity.spans}
    ends = {(number, end) for number, entity in enumerate(document.entities) for _, end in entity.spans}
    drawn: set[int] = set()
    parts = []
    for (start, end), shown in _segments(document):
        drawn.update(shown)
        for depth, number in enumerate(shown):
            entity = document.entities[number]
            classes = [legend.colour(entity.type), f"over{min(len(shown) - depth - 1, 3)}"]
            classes += ["begins"] * ((number, start) in starts)
            classes += ["ends" if end == entity.end else "breaks"] * ((number, end) in ends)
            parts.append(f'<mark class="{" ".join(classes)}"{_attributes(entity, remarks.get(entity.id))}>')
        parts.append(escape(document.text[start:end]) + "</mark>" * len(shown))
    for number in sorted(drawn):
        kind = document.entities[number].type
        legend.mentions[kind] = legend.mentions.get(kind, 0) + 1
    hidden = len(document.entities) - len(drawn)
    note = f'<p class="note">{hidden:,} mentions more lie below those shown.</p>' if hidden else ""
    return f'<p class="text" dir="auto">{"".join(parts)}</p>{note}'


def related(document: Document) -> str:
    """The relations as a table; empty if there are none."""
    if not document.relations:
        return ""
    named = {key: entity for entity in reversed(document.entities) for key in entity.concepts}
    named |= {entity.id: entity for entity in document.entities}
    names = {key: document.mention(entity) for key, entity in named.items()}
    rows = (
        "<tr>"
        + "".join(
            f"<td><bdi>{escape(value)}</bdi></td>"
            for value in (
                names.get(relation.head, relation.head),
                relation.type,
                names.get(relation.tail, relation.tail),
                "" if relation.score is None else f"{relation.score:.3f}",
            )
        )
        + "</tr>"
        for relation in document.relations
    )
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("Head", "Relation", "Tail", "Score"))
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _segments(document: Document) -> Iterator[tuple[Span, list[int]]]:
    """The text between two neighbouring borders of mentions, and the mentions that it is in, the longest first."""
    begin, cease = defaultdict[int, list[_Key]](list), defaultdict[int, list[_Key]](list)
    for number, entity in enumerate(document.entities):
        for start, end in entity.spans:
            key = (entity.start, -entity.end, number)
            begin[start].append(key)
            cease[end].append(key)
    inside: list[_Key] = []
    for start, end in pairwise(sorted({0, len(document.text), *begin, *cease})):
        for key in cease[start]:
            del inside[bisect_left(inside, key)]
        for key in begin[start]:
            insort(inside, key)
        yield (start, end), [number for _, _, number in inside[:DEEPEST]]


def _attributes(entity: Entity, remark: str | None) -> str:
    facts = {"entity": entity.id, "type": entity.type, "concept": entity.concept, "remark": remark}
    if entity.score is not None:
        facts["score"] = f"{entity.score:.3f}"
    known = {name: escape(value) for name, value in facts.items() if value is not None}
    title = " · ".join(value for name, value in known.items() if name != "entity")
    return "".join(f' data-{name}="{value}"' for name, value in known.items()) + f' title="{title} ({known["entity"]})"'
