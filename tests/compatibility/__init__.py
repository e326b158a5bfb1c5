"""Comparisons with clients and engine: the tables behind docs/compatibility.md."""
