"""Assurance of a service: what would start, what one can do, and how good its answers are."""
