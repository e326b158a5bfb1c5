"""The engine sends no usage statistics, and does not ask the model hub."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assurance.acceptance.check import Check, NotApplicable, Unmeasured, Verdict
from assurance.acceptance.host import Host
from launcher.json_types import Json

SILENT: Final = ("VLLM_NO_USAGE_STATS", "VLLM_DO_NOT_TRACK", "DO_NOT_TRACK")  # one is enough
OFFLINE: Final = "HF_HUB_OFFLINE"


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Processes of engines, and those of them that would report or ask."""

    engines: int
    reporting: tuple[str, ...]
    asking: tuple[str, ...]


async def measure(host: Host) -> Telemetry:
    """Read what the engine's processes were started with."""
    environs = dict(engines_in(host.proc))
    if not environs:
        raise NotApplicable("No vLLM engine runs on this host")
    known = {name: environ for name, environ in environs.items() if environ}
    if not known:
        raise Unmeasured("The engine's environment cannot be read; run this as the engine's user")
    return Telemetry(
        len(known),
        tuple(n for n, environ in known.items() if not any(environ.get(s) == "1" for s in SILENT)),
        tuple(n for n, environ in known.items() if environ.get(OFFLINE) != "1"),
    )


def engines_in(proc: Path) -> Iterator[tuple[str, Json]]:
    """Yield each process of vLLM with its environment; empty where its title was written over it,
    or another user's."""
    for folder in proc.glob("[0-9]*"):
        line = read(folder / "cmdline").lower()
        if any(b"vllm" in part and b"router" not in part for part in line.split(b"\0")):
            entries = read(folder / "environ").decode(errors="replace").split("\0")
            pairs = (entry.partition("=") for entry in entries if "=" in entry)
            yield f"process {folder.name}", {name: value for name, _, value in pairs}


def read(file: Path) -> bytes:
    """Return a file of a process; nothing when the process is gone or another user's."""
    try:
        return file.read_bytes()
    except OSError:
        return b""


def judge(measured: Telemetry) -> Verdict:
    """None does either."""
    reporting, asking = measured.reporting, measured.asking
    return Verdict(
        {
            f"vLLM may send usage statistics: {', '.join(reporting)}.": reporting,
            f"vLLM may ask the model hub ({OFFLINE} is not 1): {', '.join(asking)}.": asking,
        },
        "The engine sends no usage statistics, and asks no model hub.",
        f"processes of vLLM: {measured.engines}, {len(reporting)} reporting, {len(asking)} asking",
        f"{SILENT[0]}=1, {OFFLINE}=1",
    )


CHECK: Final = Check("telemetry", Telemetry, measure, judge)
