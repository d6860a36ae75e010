"""The folder of a run: its settings and its files."""
