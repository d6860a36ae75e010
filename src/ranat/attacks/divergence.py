"""How far two predictions are apart (paper Eq. 18–19), by what is predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, logsigmoid

Kind = Literal["classes", "labels", "numbers"]


@dataclass(frozen=True)
class Prediction:
    """What a model predicts.

    Args:
        logits: (…, outputs).
        kind: "classes": one of them, by softmax; "labels": each of them or not, by sigmoid; "numbers": as they stand.
    """

    logits: Tensor
    kind: Kind = "classes"

    def detach(self) -> Prediction:
        """The prediction as a constant."""
        return Prediction(self.logits.detach(), self.kind)


def kl(p: Prediction, q: Prediction) -> Tensor:
    """KL(P‖Q) = Σᵢ P(i) · log(P(i) / Q(i)) (Eq. 18), (…); never negative.

    Of labels it is the sum of the divergences of each one's Bernoulli distribution; of numbers, where there are no
    distributions, the squared distance (Jiang et al. 2020).
    """
    if p.kind == "numbers":
        return (p.logits - q.logits).square().sum(-1)
    log_p, log_q = _log_probabilities(p), _log_probabilities(q)
    return (log_p.exp() * (log_p - log_q)).sum(-1)


def symmetric_kl(p: Prediction, q: Prediction) -> Tensor:
    """KL(P‖Q) + KL(Q‖P) (Eq. 19); of numbers the squared distance, once."""
    if p.kind == "numbers":
        return kl(p, q)
    log_p, log_q = _log_probabilities(p), _log_probabilities(q)
    return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(-1)


DIVERGENCES = {"kl": kl, "symmetric_kl": symmetric_kl}
"""By the name that an attack's `climbs_on` gives."""


def _log_probabilities(prediction: Prediction) -> Tensor:
    """Of the classes (…, classes), or that each label holds, then that it does not (…, 2 · labels)."""
    logits = prediction.logits
    if prediction.kind == "classes":
        return log_softmax(logits, -1)
    return torch.cat([logsigmoid(logits), logsigmoid(-logits)], -1)
