"""What can be seen of an image without starting it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.image_check.command import ROOT, CheckError, run
from scripts.image_check.sandbox import volumes
from scripts.image_check.target import Target

USER = "10001:10001"
LABELS = ("title", "description", "version", "revision", "licenses")
VOLUMES = {"mmhie-gateway": ["/data"], "mmhie-llm": ["/cache"]}


def check_config(config: Mapping[str, Any]) -> None:
    """Who it runs as, where it listens, what looks after it, what it is called and keeps."""
    for key, value in {"User": USER, "StopSignal": "SIGTERM"}.items():
        if config.get(key) != value:
            raise CheckError(f"The image's {key} is {config.get(key)!r} and not {value!r}.")
    if "8000/tcp" not in str(config.get("ExposedPorts")) or not config.get("Healthcheck"):
        raise CheckError("The image exposes no port 8000 or has no HEALTHCHECK.")
    labels = config.get("Labels") or {}
    missing = [name for name in LABELS if not labels.get(f"org.opencontainers.image.{name}")]
    if missing:
        raise CheckError(f"The image has no label {', '.join(missing)}.")
    title = labels["org.opencontainers.image.title"]
    if volumes(config) != VOLUMES[title]:
        raise CheckError(f"{title} keeps things in {volumes(config)} and not {VOLUMES[title]}.")


def check_content(system: Path, target: Target) -> None:
    """Every tracked file of the programs, the list of packages, and no engine in the gateway's."""
    check_sources(system)
    check_bill(system, "cpu" if target.has_engine else "gateway")
    for engine in () if target.has_engine else ("torch", "vllm"):
        if list(system.glob(f"opt/*/lib/python*/site-packages/{engine}")):
            raise CheckError(f"The gateway's image has {engine} in it.")


def check_sources(system: Path) -> None:
    """What git tracks of the two programs is in it."""
    tracked = run("git", "ls-files", "gateway", "launcher").split()
    wanted = [name for name in tracked if (ROOT / name).is_file()]
    place = next(system.glob("opt/*/lib/python*/site-packages/gateway"), None)
    place = place or system / "opt/mmhie/gateway"
    missing = [name for name in wanted if not (place.parent / name).is_file()]
    if missing:
        raise CheckError(f"The image lacks {', '.join(missing)}.")


def check_bill(system: Path, environment: str) -> None:
    """The bill of materials names each package of the gateway's lock, in its version."""
    document = json.loads((system / "opt" / environment / "sbom.cdx.json").read_text())
    listed = {f"{part['name']}=={part['version']}" for part in document["components"]}
    absent = locked((ROOT / "requirements" / "gateway.txt").read_text()) - listed
    if absent:
        raise CheckError(f"sbom.cdx.json does not list {', '.join(sorted(absent))}.")


def locked(lock: str) -> set[str]:
    """The pins of a lock file, in the names that package indexes use."""
    lines = (line.split(" ")[0] for line in lock.splitlines() if "==" in line)
    pins = (line.split("==") for line in lines if not line.startswith("#"))
    return {f"{name.lower().replace('_', '-')}=={version}" for name, version in pins}
