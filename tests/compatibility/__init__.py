"""Requests and clients that are compared at a real engine (docs/compatibility.md)."""
