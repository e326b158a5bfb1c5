"""A budget for the memory of all bodies and answers that a process holds at once."""

import threading
from types import TracebackType
from typing import Self

from gateway.errors import BodyTooLarge, OutOfMemory
from gateway.runtime import memory
from gateway.settings.gateway import GatewaySettings

PROCESS_BYTES = 96 * 1024 * 1024  # of a gateway that serves many small streams, and its margin
LEAST_BYTES = 32 * 1024 * 1024
CONTAINER_SHARE, MACHINE_SHARE = 2, 8
RETRY_AFTER_S = 2

# What Python keeps for a part of a parsed document, in bytes: never less than measured (docs).
LIST_BYTES, OBJECT_BYTES, ITEM_BYTES, TEXT_BYTES = 64, 184, 36, 58
WIDE_BYTES = 4  # of each character of a text that holds an emoji


def parsed_bytes(document: bytes) -> int:
    """Return an upper bound of the memory that a JSON document takes once it is parsed.

    Two megabytes of `[]` or `{"": 0}` become sixty; clinical text stays as long as it is.
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
    """The bytes that the requests of this process may hold together."""

    def __init__(self, limit_bytes: int) -> None:
        self.lock = threading.Lock()
        self.limit_bytes = limit_bytes
        self.held_bytes = 0

    @classmethod
    def of(cls, settings: GatewaySettings) -> Self:
        """Return one process's budget: workers have equal shares."""
        total = settings.max_memory or default_bytes(settings.workers)
        return cls(total // settings.workers)

    def lease(self) -> "MemoryLease":
        """Return a lease of nothing yet, a context manager that gives back what it holds."""
        return MemoryLease(self)


class MemoryLease:
    """Memory that one request holds of the budget."""

    __slots__ = ("_budget", "held_bytes")

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self.held_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.hold(0)

    def hold(self, size: int) -> None:
        """Hold so many bytes from now on; raises OutOfMemory where more than before do not fit."""
        more = size - self.held_bytes
        if more > 0:
            self.require(more)
        self.add(more)

    def add(self, more: int) -> None:
        """Hold so many bytes more, whether they fit or not: only the next requests are refused. For
        any thread."""
        with self._budget.lock:
            self._budget.held_bytes += more
        self.held_bytes += more

    def require(self, size: int) -> None:
        """Raise OutOfMemory where so many bytes more do not fit now. For any thread."""
        if self._budget.held_bytes + size > self._budget.limit_bytes:
            raise OutOfMemory(
                "The gateway's memory for requests and answers is in use (MMHIE_MAX_MEMORY); try "
                "again later.",
                retry_after_s=RETRY_AFTER_S,
            )

    def hold_request(self, size: int) -> None:
        """The same for a request; raises BodyTooLarge where it would not fit alone."""
        if size > self._budget.limit_bytes:
            raise BodyTooLarge(
                "The request body takes more memory than the gateway has for all requests "
                "(MMHIE_MAX_MEMORY); send less."
            )
        self.hold(size)


def default_bytes(processes: int, machine: memory.MemoryLimits | None = None) -> int:
    """Return the budget of a gateway that has none set: half of what its processes leave of the
    container's limit, or an eighth of the machine's memory where there is none."""
    limits = machine or memory.limits()
    if limits.container_bytes is None:
        return max(LEAST_BYTES * processes, limits.machine_bytes // MACHINE_SHARE)
    left = limits.container_bytes - processes * PROCESS_BYTES
    return max(LEAST_BYTES * processes, left // CONTAINER_SHARE)
