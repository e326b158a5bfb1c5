"""Commands of a multi-node engine for each machine, the head first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from launcher.models.facts import ModelFacts
from launcher.planning.hardware import Hardware
from launcher.planning.installation import Installation
from launcher.planning.plan import make_plan
from launcher.settings import PREFIX, RAY_PORT, LauncherSettings, joining_ray

ADDRESS_TO_COME: Final = "ADDRESS_OF_NODE_0"
FILL_IN: Final = (
    f"{ADDRESS_TO_COME} stands for the address under which the others reach node 0; "
    "set MMHIE_HEAD_ADDRESS to it."
)
SERVE: Final = ("mmhie", "serve")
RAY_HEAD: Final = ("ray", "start", "--head", "--disable-usage-stats")

Argv = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One machine: the commands to type there, their variables, and the engine they run.

    `engine` is empty where Ray starts the machine's ranks.
    """

    rank: int
    commands: tuple[Argv, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    engine: Argv = ()
    engine_env: Mapping[str, str] = field(default_factory=dict)


def nodes(
    settings: LauncherSettings,
    hardware: Hardware,
    model: ModelFacts,
    installed: Installation,
    given: Mapping[str, str],
) -> tuple[Node, ...]:
    """Return every machine's commands; `given` are the variables that all of them get.

    Raises LauncherError where one cannot run, but not for memory: the whole plan checks that.
    """
    by_ray = settings.distributed_backend == "ray"

    gathering = (*RAY_HEAD, f"--node-ip-address={settings.head_address}", f"--port={RAY_PORT}")

    def part(rank: int) -> Node:
        if by_ray and rank > 0:
            return Node(rank, (joining_ray(settings),))
        here = settings.model_copy(update={"node_rank": rank})
        plan = make_plan(here, hardware, model, installed, strict=False)
        first = (gathering,) if by_ray else ()
        return Node(rank, (*first, SERVE), variables(here, given), plan.argv, plan.env)

    return tuple(part(rank) for rank in range(settings.nodes))


def variables(settings: LauncherSettings, given: Mapping[str, str]) -> dict[str, str]:
    """Add this node's rank and the head's address to the given variables."""
    own = {name: getattr(settings, name) for name in ("nodes", "node_rank", "head_address")}
    return {**given, **{PREFIX + name.upper(): str(value) for name, value in own.items()}}
