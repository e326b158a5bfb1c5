"""Open files: each connection is one, and the engine's and the log's must always be to be had."""

import resource

from gateway.logs import log

SPARE = 128  # the engine's metrics, keys, audit, log, Python's own


def room_for(connections: int, inflight: int) -> int:
    """How many connections of callers there is room for, at most those asked for.

    The process's soft limit is raised as far as it must and may. Without this, callers could take
    the last descriptor, and the gateway could no longer reach its engine.
    """
    needed = connections + inflight + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if is_less(soft, needed):
        soft = needed if not is_less(hard, needed) else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    room = connections if not is_less(soft, needed) else max(1, soft - inflight - SPARE)
    if room < connections:
        log.warning("fewer connections than MMHIE_MAX_CONNECTIONS: the limit of open files is low")
    return room


def is_less(limit: int, needed: int) -> bool:
    return limit != resource.RLIM_INFINITY and limit < needed
