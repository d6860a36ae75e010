"""Training with random adversarial attacks: gate, step, trainer, cost, runs."""

from ranat.gates import Always, Bernoulli, Exact, Gate, Never
from ranat.training.cost import Cost
from ranat.training.step import AdversarialStep, special_ids
from ranat.training.trainer import AdversarialTrainer

__all__ = [
    "AdversarialStep",
    "AdversarialTrainer",
    "Always",
    "Bernoulli",
    "Cost",
    "Exact",
    "Gate",
    "Never",
    "special_ids",
]
