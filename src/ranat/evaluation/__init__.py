"""Scores and significance."""
