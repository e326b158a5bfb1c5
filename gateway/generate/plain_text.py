"""The paragraphs around an answer in plain text: notices before it, what is missing after it."""

from collections.abc import Sequence

from gateway.errors import GatewayError
from gateway.record import Notice
from gateway.safety.wording import Wording


def opening(notices: Sequence[Notice]) -> bytes:
    """Return the notices, a paragraph each; nothing where there are none."""
    return "".join(f"{notice['message']}\n\n" for notice in notices).encode()


def closing(truncated: str | None, wording: Wording, disclaimer: str) -> bytes:
    """Return what was cut off, where something was, and the disclaimer."""
    cut = f"\n\n{wording.closing(truncated)}" if truncated else ""
    return f"{cut}\n\n{disclaimer}\n".encode()


def interrupted(wording: Wording, disclaimer: str, error: GatewayError) -> bytes:
    """Return the end of a text that could not be finished."""
    return f"\n\n[{wording.interrupted}: {error.message}]\n\n{disclaimer}\n".encode()
