"""The gateway's logger, and a block whose exceptions are logged and suppressed."""

import contextlib
import logging
from collections.abc import Callable, Iterator

log = logging.getLogger("gateway")


@contextlib.contextmanager
def fault_logged(
    message: str, *values: object, then: Callable[[], None] | None = None
) -> Iterator[None]:
    """Log an exception of the block, call `then`, and continue."""
    try:
        yield
    except Exception:  # nobody awaits the block, so the log is the only trace
        log.exception(message, *values)
        if then is not None:
            then()
