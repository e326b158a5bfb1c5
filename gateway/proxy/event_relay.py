"""The common part of the relays, which pass the engine's events on to the caller."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from gateway.errors import GatewayError
from gateway.proxy.output_policy import PLAIN, OutputPolicy
from gateway.record import AnswerTally
from gateway.runtime.json_types import Json

# Writes a framed HTTP chunk; False if it may have to wait.
WriteFramed = Callable[[bytes], bool]
# Writes the engine's HTTP chunk unchanged, framing included; False if it has to be parsed.
PassChunk = Callable[[WriteFramed, bytes], bool]


class EventRelay(AnswerTally, ABC):
    """Turns each event of the engine into one for the caller, or none."""

    pass_chunk: PassChunk | None = None  # the fast path for an event in its HTTP chunk

    def __init__(self, initial: Json, policy: OutputPolicy = PLAIN) -> None:
        super().__init__()
        self.ended = False
        self._initial = initial
        self._policy = policy

    @abstractmethod
    def relay(self, event: bytes) -> bytes:
        """Return the bytes to send for an event, perhaps none; raise the error that it contains."""

    @abstractmethod
    def render(self, error: GatewayError) -> bytes:
        """Render a failure after the first byte in the format of the API."""
