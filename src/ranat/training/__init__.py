"""Training with random adversarial attacks: step, trainer, cost, runs."""

from ranat.training.cost import Cost
from ranat.training.step import AdversarialStep, special_ids
from ranat.training.trainer import AdversarialTrainer

__all__ = ["AdversarialStep", "AdversarialTrainer", "Cost", "special_ids"]
