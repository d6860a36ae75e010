"""What makes the scores of a run worth little."""

from __future__ import annotations

FEW_STEPS = 50


def remarks(dev_f1: float, optimizer_steps: int) -> list[str]:
    """Why a run has hardly learned; empty if nothing says so.

    Args:
        dev_f1: of the model that was kept, in [0, 1].
        optimizer_steps: how many the run made.
    """
    found = []
    if dev_f1 == 0:
        found.append("it learned nothing: its dev F1 is 0")
    if optimizer_steps < FEW_STEPS:
        found.append(f"it made {optimizer_steps} optimizer steps, fewer than {FEW_STEPS}")
    return found
