"""Output checks: what can be seen wrong with an answer by comparing its text with the request's.

Each is deterministic, takes microseconds and adds a warning; none changes an answer. They read and
know no medicine. docs/safety.md has how often each is right.
"""
