"""The command line. It only parses, calls the library, and prints."""

from ranat.cli import advice, attacks, corpora, errors, extraction, grids, runs, serve, sharing, view
from ranat.cli.application import app, main

__all__ = [
    "advice", "app", "attacks", "corpora", "errors", "extraction", "grids", "main", "runs", "serve", "sharing", "view",
]  # fmt: skip
