"""Attacks on word embeddings: each is one short file whose docstring is its equation.

This package knows torch and the registry only. An attack is handed the passes it may make (`Passes`) and leaves the
gradient of its objective in the parameters.
"""

from ranat.attacks.base import (
    PLAIN,
    STANDARD,
    Attack,
    Dropout,
    IterativeAttack,
    Output,
    PassCounts,
    Passes,
    attacks,
    register_attack,
)
from ranat.attacks.carry import Carry
from ranat.attacks.divergence import Prediction
from ranat.attacks.fgm import FGM
from ranat.attacks.fgsm import FGSM
from ranat.attacks.freelb import FreeLB
from ranat.attacks.noise import Noise
from ranat.attacks.pgd import PGD
from ranat.attacks.smart import SMART
from ranat.attacks.topk import TopK
from ranat.attacks.twice import Twice

__all__ = [
    "FGM", "FGSM", "PGD", "PLAIN", "SMART", "STANDARD", "Attack", "Carry", "Dropout", "FreeLB", "IterativeAttack",
    "Noise", "Output", "PassCounts", "Passes", "Prediction", "TopK", "Twice", "attacks", "register_attack",
]  # fmt: skip
