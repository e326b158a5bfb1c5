"""Evaluation of a running service: suites, scoring, statistics and the signed report."""
