"""The audit trail: a hash chain of one line per request, without any text."""
