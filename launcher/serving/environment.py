"""The environments the engine and the gateway are started with."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

OURS = "MMHIE_"
KEY = "VLLM_API_KEY"
# No usage statistics, whatever the plan or the user says.
ALWAYS = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "PYTHONUNBUFFERED": "1"}
# With these vLLM writes prompts or answers into its log, or opens paths that change it. At DEBUG it
# logs both without being asked, and a logging configuration of one's own may say DEBUG.
WITHHELD = (
    "VLLM_DEBUG_LOG_API_SERVER_RESPONSE",
    "VLLM_SERVER_DEV_MODE",
    "VLLM_LOGGING_CONFIG_PATH",
)
LEVEL = "VLLM_LOGGING_LEVEL"
# How the nodes of an engine reach each other: who knows the network knows better than the plan.
YIELDING = ("VLLM_HOST_IP", "GLOO_SOCKET_IFNAME")


def for_engine(environ: Mapping[str, str], plan: Mapping[str, str], key: str) -> dict[str, str]:
    """The user's own, without our settings (keys are among them) and without what would write
    patients' text into the engine's log, under the plan's."""
    kept = {name: value for name, value in environ.items() if not name.startswith(OURS)}
    kept = {name: value for name, value in kept.items() if name not in WITHHELD}
    if kept.get(LEVEL, "").upper() == "DEBUG":
        kept[LEVEL] = "INFO"
    if not kept.get("TIKTOKEN_ENCODINGS_BASE"):
        # Set but blank, it breaks the Harmony vocabulary.
        kept.pop("TIKTOKEN_ENCODINGS_BASE", None)
    theirs = {name: kept[name] for name in YIELDING if kept.get(name)}
    path = os.pathsep.join((str(Path(sys.executable).parent), environ.get("PATH", os.defpath)))
    return {**kept, **plan, **theirs, **ALWAYS, "PATH": path, KEY: key}


def for_router(environ: Mapping[str, str]) -> dict[str, str]:
    """The user's own, without our settings: the router passes the engines' key on, and has none."""
    kept = {name: value for name, value in environ.items() if not name.startswith(OURS)}
    return {"RUST_LOG": "warn", **kept}  # its --log-level alone leaves a line for each request


def for_gateway(
    environ: Mapping[str, str],
    *,
    engine_url: str,
    key: str | None,
    phase_file: Path,
    model: str,
) -> dict[str, str]:
    """The user's own and where the engine is; without a key of ours, the user's stays."""
    ours = {
        "MMHIE_ENGINE_URL": engine_url,
        "MMHIE_PHASE_FILE": str(phase_file),
        "MMHIE_REASONER_MODEL": model,
        "PYTHONUNBUFFERED": "1",
    }
    return {**environ, **ours, **({"MMHIE_ENGINE_API_KEY": key} if key else {})}
