"""Engines, router and gateway, supervised from the start to a clean stop."""
