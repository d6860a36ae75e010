"""A document as HTML: its mentions marked in its text, its relations in a table below; escaped, and without a script.

The text is cut wherever a mention begins or ends, and each segment stands in a `<mark>` of each mention that it is in:
so nested and overlapping mentions can all be seen. Segments of one mention have the same data-entity. What lies between
the parts of a discontinuous mention stands in a `<span class="gap">`, whose dashed line joins them. `colours` gives a
type its colour; its name stands beside the mention, too. `static/marks.js` makes the same in a page with a script.
"""

from __future__ import annotations

import html
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from ranat.documents.document import Document, Entity, Span
from ranat.view.assets import text_of
from ranat.view.colours import colour_of

DEEPEST = 12
"""The most mentions that are marked over one character: more could not be told apart, and a page of ten thousand would
have the square of them."""

_Key = tuple[int, int, int, bool]
"""Start, end as a negative number, and index of a mention: sorts the longer of two that begin together first. True: it
is one of its gaps."""

_CONTROLS = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n\r"},
    **dict.fromkeys((*range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFFFE, 0xFFFF), 0xFFFD),
}
"""Control characters as their pictures; those that turn the direction of what comes after them, and those that XML may
not have, as �."""

STYLE = text_of("marks.css")
"""The style sheet of all that this module makes; light and dark alike, as it takes over the page's own ink."""


@dataclass
class Legend:
    """Which types were marked on a page.

    Args:
        mentions: type → how many mentions of it were marked.
    """

    mentions: dict[str, int] = field(default_factory=dict)

    def html(self) -> str:
        """The types with their colours and counts."""
        items = (
            f'<li><mark class="begins ends {colour_class(kind)}" data-type="{escape(kind)}">{count:,}</mark></li>'
            for kind, count in self.mentions.items()
        )
        return f'<ul class="ranat ranat-legend">{"".join(items)}</ul>'


def colour_class(kind: str) -> str:
    """The class of a type's colour in the style sheet."""
    return f"colour{colour_of(kind)}"


def shown(text: str) -> str:
    """Text with its control characters made visible, one character each."""
    return text.translate(_CONTROLS)


def escape(text: str) -> str:
    """Text as HTML shows it, in an element or a quoted attribute; control characters made visible."""
    return html.escape(shown(text))


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
    for (start, end), inside in segments(document):
        tags = []
        for depth, (number, gap) in enumerate(inside):
            drawn.add(number)
            entity = document.entities[number]
            classes = [colour_class(entity.type), f"over{min(len(inside) - depth - 1, 3)}"]
            if gap:
                tags.append("span")
                parts.append(f'<span class="{" ".join(["gap", *classes])}">')
                continue
            classes += ["begins"] * ((number, start) in starts)
            classes += ["ends" if end == entity.end else "breaks"] * ((number, end) in ends)
            tags.append("mark")
            parts.append(f'<mark class="{" ".join(classes)}"{_attributes(entity, remarks.get(entity.id))}>')
        parts.append(escape(document.text[start:end]) + "".join(f"</{tag}>" for tag in reversed(tags)))
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
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="scroll" tabindex="0">{table}</div>'


def segments(document: Document) -> Iterator[tuple[Span, list[tuple[int, bool]]]]:
    """The text between two neighbouring borders of mentions, and the mentions that it is in, or in whose gaps (True).

    The longest come first.
    """
    begin, cease = defaultdict[int, list[_Key]](list), defaultdict[int, list[_Key]](list)
    for number, entity in enumerate(document.entities):
        gaps = ((end, start) for (_, end), (start, _) in pairwise(entity.spans) if end < start)
        for gap, spans in ((False, entity.spans), (True, gaps)):
            for start, end in spans:
                key = (entity.start, -entity.end, number, gap)
                begin[start].append(key)
                cease[end].append(key)
    inside: list[_Key] = []
    for start, end in pairwise(sorted({0, len(document.text), *begin, *cease})):
        for key in cease[start]:
            del inside[bisect_left(inside, key)]
        for key in begin[start]:
            insort(inside, key)
        yield (start, end), [(number, gap) for _, _, number, gap in inside[:DEEPEST]]


def _attributes(entity: Entity, remark: str | None) -> str:
    facts = {"entity": entity.id, "type": entity.type, "concept": entity.concept, "remark": remark}
    if entity.score is not None:
        facts["score"] = f"{entity.score:.3f}"
    known = {name: escape(value) for name, value in facts.items() if value is not None}
    title = " · ".join(value for name, value in known.items() if name != "entity")
    return "".join(f' data-{name}="{value}"' for name, value in known.items()) + f' title="{title} ({known["entity"]})"'
