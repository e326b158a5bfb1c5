"""Scoring rules: each one file, a frozen model with its answer key and a pure `score`."""
