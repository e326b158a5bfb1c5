"""A hold that the gateway itself puts in force, in the place where an operator's would be."""

from gateway.cluster import operator_state
from gateway.cluster.operator_state import OperatorCommandFailed
from gateway.hold import hold
from gateway.hold.hold import Hold
from gateway.runtime.log import log
from gateway.settings.gateway import GatewaySettings

BY = "feedback"


def put_in_force(settings: GatewaySettings, reason: str, since: str) -> None:
    """Hold all gateways that share a Redis, or those of this machine; raise OSError.

    It waits for disk and network: not for the event loop.
    """
    new = Hold(reason, BY, since)
    is_shared = settings.redis_url is not None
    try:
        operator_state.hold_all(settings, new)
    except OperatorCommandFailed as problem:
        log.error("the hold is of this machine alone: Redis %s", problem)
        is_shared = False
    if not is_shared:
        settings.hold_file.parent.mkdir(parents=True, exist_ok=True)
        hold.write(settings.hold_file, new)
