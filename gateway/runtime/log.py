"""The gateway's logger, and blocks whose faults are logged and go no further."""

import contextlib
import logging
from collections.abc import Callable, Iterator

log = logging.getLogger("gateway")


@contextlib.contextmanager
def fault_logged(
    message: str, *values: object, then: Callable[[], None] | None = None
) -> Iterator[None]:
    """Log a fault of a block that nobody waits for, call `then`, and go on."""
    try:
        yield
    except Exception:  # of anything that goes wrong unseen there must be a line
        log.exception(message, *values)
        if then is not None:
            then()
