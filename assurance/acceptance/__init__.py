"""Acceptance checks of a running service, over its address alone."""
