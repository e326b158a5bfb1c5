"""What callers may rely on: the gateway as a real process in front of the fake engine."""
