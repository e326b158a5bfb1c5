"""Logs, metrics and traces, without any text of a prompt or an answer."""
