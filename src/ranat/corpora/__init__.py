"""Corpora by name, and one's own by path."""

from ranat.corpora.checking import Report, check
from ranat.corpora.corpus import Corpus
from ranat.corpora.counting import count
from ranat.corpora.fetching import fetch
from ranat.corpora.loading import base, data_folder, load, names, on_the_hub, overview, task_of

__all__ = [
    "Corpus",
    "Report",
    "base",
    "check",
    "count",
    "data_folder",
    "fetch",
    "load",
    "names",
    "on_the_hub",
    "overview",
    "task_of",
]
