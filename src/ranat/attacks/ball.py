"""The set that a perturbation lives in: norms, directions and projections (paper Eq. 1, 2, 12, 14)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Norm = Literal[2, "inf"]
Scope = Literal["sequence", "token", "batch"]
Projection = Literal["sphere", "ball"]
Direction = Literal["unit", "steepest"]

_DIMENSIONS: dict[Scope, tuple[int, ...]] = {"sequence": (1, 2), "token": (2,), "batch": (0, 1, 2)}


@dataclass(frozen=True)
class Ball:
    """B(r, ε) = {r : ‖r‖ₚ ≤ ε}, one for each example, token or batch (Eq. 1–2).

    Every tensor is (batch, tokens, hidden). Outside the mask all results are 0. Norms are taken in float32 or wider,
    scaled by the largest element first, so that neither a loss scale nor a tiny gradient changes a direction.

    Args:
        mask: (batch, tokens, 1), bool: what may be perturbed; padding and special tokens may not.
        radius: ε, broadcastable to (batch, tokens, 1), in embedding units.
        norm: p, 2 or "inf".
        scope: what shares one norm.
    """

    mask: Tensor
    radius: Tensor
    norm: Norm = 2
    scope: Scope = "sequence"

    def length(self, r: Tensor) -> Tensor:
        """‖r‖ₚ over the scope, kept broadcastable to r."""
        return length(r, self.mask, self.norm, self.scope)

    def unit(self, g: Tensor) -> Tensor:
        """g / ‖g‖ₚ; 0 where ‖g‖ₚ is 0 or not finite."""
        g = g * self.mask
        size = self.length(g)
        usable = torch.isfinite(size) & (size > 0)
        return torch.where(usable, g / torch.where(usable, size, 1), 0)

    def steepest(self, g: Tensor) -> Tensor:
        """The unit direction in which a linear loss rises fastest: sign(g) for ∞ (Eq. 5, 8), g / ‖g‖₂ for 2."""
        return self.unit(g) if self.norm == 2 else torch.sign(self.unit(g))

    def direction(self, g: Tensor, kind: Direction) -> Tensor:
        """Which way to go along g: its unit vector in the norm of the ball (Eq. 10), or the steepest ascent."""
        return self.unit(g) if kind == "unit" else self.steepest(g)

    def project(self, r: Tensor, onto: Projection) -> Tensor:
        """Π: stretch r to length ε ("sphere", Eq. 14), or only pull back what is outside ("ball", Madry 2018)."""
        if onto == "sphere":
            return self.radius * self.unit(r)
        if self.norm == "inf":
            return torch.minimum(torch.maximum(r, -self.radius), self.radius) * self.mask
        return torch.where(self.length(r) > self.radius, self.radius * self.unit(r), r) * self.mask

    def random(self, uniform: Tensor) -> Tensor:
        """A random start: uniform in the ∞-ball; for norm 2 in the cube inscribed in the ball (Zhu et al. 2020).

        Args:
            uniform: noise in [-1, 1).
        """
        if self.norm == "inf":
            return self.radius * uniform * self.mask
        positions = self.mask.sum(_DIMENSIONS[self.scope], keepdim=True).clamp(min=1)
        return self.radius * uniform * self.mask / (positions * uniform.shape[-1]).sqrt()


def length(r: Tensor, mask: Tensor, norm: Norm, scope: Scope) -> Tensor:
    """‖r‖ₚ of r (batch, tokens, hidden) over a scope, masked, in float32 or wider; broadcastable to r."""
    r = r.to(torch.promote_types(r.dtype, torch.float32)) * mask
    largest = r.abs().amax(_DIMENSIONS[scope], keepdim=True)
    if norm == "inf":
        return largest
    scale = torch.where(torch.isfinite(largest) & (largest > 0), largest, 1)
    return scale * (r / scale).square().sum(_DIMENSIONS[scope], keepdim=True).sqrt()


def as_norm(norm: object) -> Norm:
    """2 or "inf" from what a person writes: 2, "2", "inf", math.inf.

    Raises:
        ValueError: it is another norm.
    """
    if norm in (2, "2", "2.0"):
        return 2
    if norm in ("inf", math.inf):
        return "inf"
    raise ValueError(f"norm is 2 or inf, not {norm!r}")
