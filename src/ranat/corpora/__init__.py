"""Corpora by name, and one's own by path."""

from ranat.corpora.checking import Report, check
from ranat.corpora.corpus import Corpus
from ranat.corpora.counting import count
from ranat.corpora.fetching import fetch
from ranat.corpora.loading import data_folder, load, names

__all__ = ["Corpus", "Report", "check", "count", "data_folder", "fetch", "load", "names"]
