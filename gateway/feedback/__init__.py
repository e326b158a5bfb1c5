"""Feedback on answers: what clinicians say of one afterwards, by its request id."""
