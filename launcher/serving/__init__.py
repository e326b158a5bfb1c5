"""Supervision of engines, router and gateway, from the start to a clean stop."""
