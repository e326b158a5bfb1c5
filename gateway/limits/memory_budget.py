"""A budget for the memory of all request bodies and answers in a process."""

import threading
from typing import Self

from gateway.errors import BodyTooLarge, OutOfMemory
from gateway.runtime import memory
from gateway.settings.gateway import GatewaySettings

PROCESS_BYTES = 96 * 1024 * 1024  # of a gateway with many small streams, with a margin
LEAST_BYTES = 32 * 1024 * 1024
CONTAINER_SHARE, MACHINE_SHARE = 2, 8
RETRY_AFTER_S = 2

# Upper bounds of Python's memory for parts of a parsed document (docs/limits.md).
LIST_BYTES, OBJECT_BYTES, ITEM_BYTES, TEXT_BYTES = 64, 184, 36, 58
WIDE_BYTES = 4  # of each character of a text with an emoji


def parsed_bytes(document: bytes) -> int:
    """Return an upper bound of the memory that a JSON document takes when it is parsed.

    Two megabytes of `[]` or `{"": 0}` become sixty; clinical text keeps its size. Linear time.
    """
    is_wide = not document.isascii() or b"\\u" in document
    return (
        len(document) * (WIDE_BYTES if is_wide else 1)
        + LIST_BYTES * document.count(b"[")
        + OBJECT_BYTES * document.count(b"{")
        + ITEM_BYTES * document.count(b",")
        + TEXT_BYTES * document.count(b'"') // 2
    )


class MemoryBudget:
    """The limit and the use of memory by all requests of this process."""

    def __init__(self, limit_bytes: int) -> None:
        self.lock = threading.Lock()
        self.limit_bytes = limit_bytes
        self.held_bytes = 0

    @classmethod
    def of(cls, settings: GatewaySettings) -> Self:
        return cls(settings.max_memory or default_bytes())

    def lease(self) -> "MemoryLease":
        """Return an empty lease, a context manager that returns its memory."""
        return MemoryLease(self)


class MemoryLease:
    """The memory of one request within the budget."""

    __slots__ = ("_budget", "held_bytes")

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self.held_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hold(0)

    def hold(self, size: int) -> None:
        """Set the bytes of this lease; raise OutOfMemory if the new size exceeds the budget."""
        more = size - self.held_bytes
        if more > 0:
            self.require(more)
        self.add(more)

    def add(self, more: int) -> None:
        """Add bytes, even beyond the budget, which refuses only later requests then. Any thread may
        call this."""
        with self._budget.lock:
            self._budget.held_bytes += more
        self.held_bytes += more

    def require(self, size: int) -> None:
        """Raise OutOfMemory if this many more bytes exceed the budget. Any thread may call this."""
        if self._budget.held_bytes + size > self._budget.limit_bytes:
            raise OutOfMemory(
                "The gateway's memory for requests and answers is in use (MMHIE_MAX_MEMORY); try "
                "again later.",
                retry_after_s=RETRY_AFTER_S,
            )

    def hold_request(self, size: int) -> None:
        """Set the bytes for a request body; raise BodyTooLarge if it exceeds the budget alone."""
        if size > self._budget.limit_bytes:
            raise BodyTooLarge(
                "The request body takes more memory than the gateway has for all requests "
                "(MMHIE_MAX_MEMORY); send less."
            )
        self.hold(size)


def default_bytes(machine: memory.MemoryLimits | None = None) -> int:
    """Return the budget of a gateway without a setting for it.

    It is half of the container's memory without the process's own, or an eighth of the machine's
    memory if the container has no limit.
    """
    limits = machine or memory.limits()
    if limits.container_bytes is None:
        return max(LEAST_BYTES, limits.machine_bytes // MACHINE_SHARE)
    return max(LEAST_BYTES, (limits.container_bytes - PROCESS_BYTES) // CONTAINER_SHARE)
