"""How far two predicted distributions are apart (paper Eq. 18–19), from logits (…, classes) to (…)."""

from torch import Tensor
from torch.nn.functional import log_softmax


def kl(p: Tensor, q: Tensor) -> Tensor:
    """KL(P‖Q) = Σᵢ P(i) · log(P(i) / Q(i)) (Eq. 18), P and Q given as logits (…, classes); never negative."""
    log_p, log_q = log_softmax(p, -1), log_softmax(q, -1)
    return (log_p.exp() * (log_p - log_q)).sum(-1)


def symmetric_kl(p: Tensor, q: Tensor) -> Tensor:
    """KL(P‖Q) + KL(Q‖P) (Eq. 19)."""
    log_p, log_q = log_softmax(p, -1), log_softmax(q, -1)
    return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(-1)
