"""Traces by OpenTelemetry, where an endpoint is named; never a word of a question or an answer."""
