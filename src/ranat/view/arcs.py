"""Where arcs stand above their lines, for a drawing without a browser; `static/arcs.js` does the same in a page.

Arcs of a line stand on levels: a longer one above each shorter one that it overlaps. A relation whose ends stand on
different lines is two stubs, each with the type and "…" where it goes on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

BETWEEN = 6.0
"""The least room between two arcs on a level."""
STUB = 22.0
"""The width of a stub besides its label."""


@dataclass(frozen=True)
class Box:
    """Where a mention begins: its first line, and its left and right edge there."""

    line: int
    left: float
    right: float

    @property
    def middle(self) -> float:
        """Halfway between its edges."""
        return (self.left + self.right) / 2


@dataclass
class Port:
    """An end of an arc at its mention.

    Args:
        box: the mention's.
        is_tail: whether the arrow's head is here.
        goes_right: where the arc goes from here.
        reach: how far.
        x: where it meets the mention.
    """

    box: Box
    is_tail: bool
    goes_right: bool
    reach: float
    x: float = 0.0


@dataclass
class Arc:
    """An arc, or one stub of it.

    Args:
        line: above which it stands.
        label: the relation's type.
        label_width: of it.
        ports: two, or the one of a stub.
        level: from 0, the lowest.
        start: of its horizontal line.
        end: likewise.
        centre: of its label.
    """

    line: int
    label: str
    label_width: float
    ports: list[Port]
    level: int = 0
    start: float = 0.0
    end: float = 0.0
    centre: float = 0.0
    _takes: tuple[float, float] = field(default=(0.0, 0.0))

    @property
    def is_stub(self) -> bool:
        """Whether its other end stands on another line."""
        return len(self.ports) == 1


def placed(relations: Iterable[tuple[str, Box, Box]], width: float, measure: Callable[[str], float]) -> list[Arc]:
    """The arcs of relations, placed.

    Args:
        relations: type, head, tail.
        width: of a line.
        measure: gives the width of a label.
    """
    arcs = [arc for kind, head, tail in relations for arc in _cut(kind, head, tail, width, measure)]
    ports: dict[int, list[Port]] = defaultdict(list)
    for arc in arcs:
        for port in arc.ports:
            ports[id(port.box)].append(port)
    for at_box in ports.values():
        # The inner one of two arcs stands lower; of two that reach as far, the earlier one is put lower below.
        outwards = sorted(at_box, key=lambda port: port.reach)
        in_place = [port for port in outwards if not port.goes_right]
        in_place += [port for port in reversed(outwards) if port.goes_right]
        for place, port in enumerate(in_place, 1):
            port.x = port.box.left + (port.box.right - port.box.left) * place / (len(at_box) + 1)
    for arc in arcs:
        _measure(arc, width)
    lines: dict[int, list[Arc]] = defaultdict(list)
    for arc in sorted(arcs, key=lambda arc: round(arc._takes[1] - arc._takes[0])):
        (left, right), above = arc._takes, lines[arc.line]
        below = [one.level for one in above if one._takes[0] < right + BETWEEN and left < one._takes[1] + BETWEEN]
        arc.level = max(below, default=-1) + 1
        above.append(arc)
    return arcs


def _cut(kind: str, head: Box, tail: Box, width: float, measure: Callable[[str], float]) -> list[Arc]:
    ends = ((head, tail, False), (tail, head, True))
    if head.line == tail.line:
        ports = []
        for box, other, is_tail in ends:
            reach = other.middle - box.middle
            ports.append(Port(box, is_tail, reach > 0 or (reach == 0 and not is_tail), abs(reach)))
        return [Arc(head.line, kind, measure(kind), ports)]
    stubs = []
    for box, other, is_tail in ends:
        reach = measure(f"{kind} …") + STUB
        left, right = box.middle > reach, box.middle + reach < width
        goes_right = right or not left if box.line < other.line else right and not left
        label = f"{kind} …" if goes_right else f"… {kind}"
        stubs.append(Arc(box.line, label, measure(label), [Port(box, is_tail, goes_right, reach)]))
    return stubs


def _measure(arc: Arc, width: float) -> None:
    places = [port.x for port in arc.ports]
    if arc.is_stub:
        reach = arc.label_width + STUB
        places.append(min(width, places[0] + reach) if arc.ports[0].goes_right else max(0.0, places[0] - reach))
    arc.start, arc.end = min(places), max(places)
    half = arc.label_width / 2
    arc.centre = max(half, min(width - half, (arc.start + arc.end) / 2))
    arc._takes = (min(arc.start, arc.centre - half), max(arc.end, arc.centre + half))
