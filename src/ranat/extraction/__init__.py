"""From raw text to entities and relations: one text, a stream, or a folder of shards that nothing is lost from."""

from ranat.extraction.extractor import Extractor

__all__ = ["Extractor"]
