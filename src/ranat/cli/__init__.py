"""The command line. It only parses, calls the library, and prints."""

from ranat.cli import attacks, corpora, errors, extraction, grids, runs, view
from ranat.cli.application import app, main

__all__ = ["app", "attacks", "corpora", "errors", "extraction", "grids", "main", "runs", "view"]
