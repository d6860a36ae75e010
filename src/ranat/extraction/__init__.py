"""From raw text to entities and relations: one text, a stream, or a folder of shards that nothing is lost from.

`Extractor` is loaded when it is first used, so that converting documents needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ranat.extraction.extractor import Extractor

__all__ = ["Extractor"]


def __getattr__(name: str) -> Any:
    if name != "Extractor":
        raise AttributeError(f"module 'ranat.extraction' has no attribute {name!r}")
    from ranat.extraction.extractor import Extractor

    return Extractor
