"""Exchanges, server-sent events and TLS as a client: HTTP as the gateway speaks it."""
