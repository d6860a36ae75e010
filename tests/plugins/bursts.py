"""A gate of one's own: attacks come in bursts.

ranat train --plugin bursts.py --attack.name fgm --rat.gate bursts --rat.on 2 --rat.off 6 …
"""

from dataclasses import dataclass

from ranat.gates import Gate, register_gate
from ranat.gates.base import check_count


@register_gate("bursts")
@dataclass(frozen=True)
class Bursts(Gate):
    """So many attacked steps, then so many plain ones, over and over.

    Args:
        on: ≥ 1, attacked steps in a row.
        off: ≥ 1, plain steps in a row.
    Raises:
        ValueError: an option is out of range.
    """

    on: int = 1
    off: int = 1

    def __post_init__(self) -> None:
        check_count("on", self.on)
        check_count("off", self.off)

    def __call__(self, step: int) -> bool:
        """Whether the step is in a burst."""
        return step % (self.on + self.off) < self.on

    @property
    def share(self) -> float:
        """That of the bursts."""
        return self.on / (self.on + self.off)

    @property
    def label(self) -> str:
        """Both lengths."""
        return f"bursts {self.on}:{self.off}"
