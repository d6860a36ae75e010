"""What training cost, counted pass by pass (paper Table III)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ranat.attacks import PLAIN, PassCounts


@dataclass
class Cost:
    """Counts of passes over one batch each, of one process.

    Args:
        batches: batches seen (micro-batches, if gradients are accumulated).
        attacked_batches: those of them that were attacked.
        forward: forward passes; those over some examples of a batch count as their share.
        backward: backward passes to the parameters.
        backward_to_input: backward passes to the perturbation only.
        unusable_gradients: examples whose gradient of r was zero or not finite in some pass, where no step was made.
        relative_radius: the sum over attacked batches of ‖r‖/‖x‖, a mean over the examples of each.
        train_seconds: wall-clock seconds in training steps: passes, clipping, optimizer; no evaluation, no saving.
        processor_seconds: processor time of all threads in those steps: without a GPU a fairer measure than wall-clock
            time on a machine that others use, too.
    """

    batches: int = 0
    attacked_batches: int = 0
    forward: float = 0
    backward: float = 0
    backward_to_input: float = 0
    unusable_gradients: int = 0
    relative_radius: float = 0.0
    train_seconds: float = 0.0
    processor_seconds: float = 0.0

    @property
    def xfp(self) -> float:
        """The cost in forward-equivalents, see `PassCounts`."""
        return PassCounts(self.forward, self.backward, self.backward_to_input).forward_equivalents

    def add_plain(self) -> None:
        """Count a batch that was not attacked."""
        self.batches += 1
        self.forward += PLAIN.forward
        self.backward += PLAIN.backward

    def to_dict(self) -> dict[str, Any]:
        """The counts and `xfp`, as cost.json holds them."""
        return {**asdict(self), "xfp": self.xfp}

    def restore(self, counts: dict[str, Any]) -> None:
        """Go on from the counts of a checkpoint."""
        for name in asdict(self):
            setattr(self, name, counts.get(name, getattr(self, name)))
