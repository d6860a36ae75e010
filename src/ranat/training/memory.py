"""Memory between passes is kept in training as in prediction: see `ranat.models.memory`."""

from ranat.models.memory import keep_freed_memory

__all__ = ["keep_freed_memory"]
