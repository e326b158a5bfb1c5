"""A node that is not the head of a multi-node engine: its ranks, and nothing that listens."""

from __future__ import annotations

from collections.abc import Mapping

from launcher import environment, readiness
from launcher.child import Child, Command, Listener, describe
from launcher.errors import ExitedEarly
from launcher.plan import EnginePlan
from launcher.stop import Stop


async def follow(
    plan: EnginePlan, environ: Mapping[str, str], listener: Listener, stop: Stop
) -> None:
    """Run this node's ranks until a stop is asked for; raise ExitedEarly when they end before.

    They are not restarted here: the head's engine ends with them, and both start anew together.
    """
    child = Child(Command(plan.argv, environment.for_engine(environ, plan.env, key="")), listener)
    ended = await stop.first(child)
    if ended is None:
        await stop.end(child, stop.grace_s)
        return
    cause = readiness.root_cause(tuple(child.last_lines)) or "its log has the reason."
    raise ExitedEarly(f"This node's part of the engine ended ({describe(ended)}): {cause}")
