"""Gates: when a batch is attacked (random adversarial training, paper Eq. 22–24). Each is one short file.

This package knows the registry only.
"""

from ranat.gates.always import Always
from ranat.gates.base import Gate, ObservingGate, Signal, gates, register_gate
from ranat.gates.bernoulli import Bernoulli
from ranat.gates.delayed import Delayed
from ranat.gates.every import Every
from ranat.gates.exact import Exact
from ranat.gates.falling import Falling
from ranat.gates.never import Never
from ranat.gates.quantile import Quantile
from ranat.gates.rising import Rising

__all__ = [
    "Always", "Bernoulli", "Delayed", "Every", "Exact", "Falling", "Gate", "Never", "ObservingGate", "Quantile",
    "Rising", "Signal", "gates", "register_gate",
]  # fmt: skip
