"""The contract with callers: the gateway as a real process in front of the fake engine."""
