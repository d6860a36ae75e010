"""The number format of training is that of prediction: see `ranat.models.precision`."""

from ranat.models.precision import autocast, resolve_precision

__all__ = ["autocast", "resolve_precision"]
