"""Exchanges and server-sent events: HTTP as the gateway speaks it."""
