"""Corpora by name, and one's own by path."""

from ranat.corpora.corpus import Corpus
from ranat.corpora.loading import data_folder, load, names

__all__ = ["Corpus", "data_folder", "load", "names"]
