"""Checks of an image that is not running."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.image_check.command import ROOT, CheckError, run
from scripts.image_check.store import ImageTarget
from scripts.vulnerabilities import pins

USER = "10001:10001"
LABELS = ("title", "description", "version", "revision", "licenses")
VOLUMES = {"mmhie-gateway": ["/data"], "mmhie-llm": ["/cache"]}


def check_config(config: Mapping[str, Any]) -> None:
    """Check user, stop signal, port, health check, labels and volumes."""
    for key, value in {"User": USER, "StopSignal": "SIGTERM"}.items():
        if config.get(key) != value:
            raise CheckError(f"The image's {key} is {config.get(key)!r}; it must be {value!r}.")
    if "8000/tcp" not in str(config.get("ExposedPorts")) or not config.get("Healthcheck"):
        raise CheckError("The image must expose port 8000 and have a HEALTHCHECK.")
    labels = config.get("Labels") or {}
    missing = [name for name in LABELS if not labels.get(f"org.opencontainers.image.{name}")]
    if missing:
        raise CheckError(f"The image has no label {', '.join(missing)}.")
    title = labels["org.opencontainers.image.title"]
    volumes = sorted(config.get("Volumes") or ())
    if volumes != VOLUMES[title]:
        raise CheckError(f"{title} has volumes {volumes}; they must be {VOLUMES[title]}.")


def check_content(system: Path, target: ImageTarget) -> None:
    """Check the programs' files and the SBOM, and that the gateway's image has no engine."""
    check_sources(system)
    check_sbom(system, "cpu" if target.has_engine else "gateway")
    for engine in () if target.has_engine else ("torch", "vllm"):
        if list(system.glob(f"opt/*/lib/python*/site-packages/{engine}")):
            raise CheckError(f"The gateway's image must not contain {engine}.")


def check_sources(system: Path) -> None:
    """Check that every tracked file of the programs is in the image."""
    tracked = run("git", "ls-files", "assurance", "gateway", "launcher").split()
    required = [name for name in tracked if (ROOT / name).is_file()]
    package = next(system.glob("opt/*/lib/python*/site-packages/gateway"), None)
    package = package or system / "opt/mmhie/gateway"
    missing = [name for name in required if not (package.parent / name).is_file()]
    if missing:
        raise CheckError(f"The image lacks {', '.join(missing)}.")


def check_sbom(system: Path, environment: str) -> None:
    """Check that the SBOM lists each package of the gateway's lock file in its version."""
    document = json.loads((system / "opt" / environment / "sbom.cdx.json").read_text())
    listed = {f"{part['name']}=={part['version']}" for part in document["components"]}
    pinned = pins([ROOT / "requirements" / "gateway.txt"])
    absent = {f"{name}=={at}" for name, versions in pinned.items() for at in versions} - listed
    if absent:
        raise CheckError(f"sbom.cdx.json does not list {', '.join(sorted(absent))}.")
