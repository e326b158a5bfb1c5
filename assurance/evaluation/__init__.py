"""Evaluation of a running service: tasks of Inspect, scoring rules, comparison of two runs."""
