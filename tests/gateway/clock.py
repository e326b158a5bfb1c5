"""A clock that the test sets."""


class Clock:
    """A clock whose time the test changes."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
