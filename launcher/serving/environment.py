"""Environments of the engine, the router and the gateway."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from launcher.planning import compilers
from launcher.settings import PREFIX

KEY = "VLLM_API_KEY"
# No usage statistics, whatever the plan or the user says.
ALWAYS = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "PYTHONUNBUFFERED": "1"}
# NCCL names the cause of an error ("No space left on device") only from this level on.
DEFAULTS = {"NCCL_DEBUG": "WARN"}
# With these vLLM writes prompts or answers into its log, or opens paths that change it. At DEBUG it
# logs both without being asked, and a logging configuration of one's own may say DEBUG.
WITHHELD = (
    "VLLM_DEBUG_LOG_API_SERVER_RESPONSE",
    "VLLM_SERVER_DEV_MODE",
    "VLLM_LOGGING_CONFIG_PATH",
)
LOG_LEVEL = "VLLM_LOGGING_LEVEL"
HARMONY_FOLDER = "TIKTOKEN_ENCODINGS_BASE"


def for_engine(environ: Mapping[str, str], plan: Mapping[str, str], key: str) -> dict[str, str]:
    """Return the user's variables under the plan's.

    Our settings are withheld (keys are among them), and whatever would write patients' text into
    the engine's log.
    """
    kept = {name: value for name, value in foreign(environ).items() if name not in WITHHELD}
    if kept.get(LOG_LEVEL, "").upper() == "DEBUG":
        kept[LOG_LEVEL] = "INFO"
    if not kept.get(HARMONY_FOLDER):  # set but blank, it breaks the Harmony vocabulary
        kept.pop(HARMONY_FOLDER, None)
    known = {name: kept[name] for name in compilers.SWITCHES if kept.get(name)}
    path = os.pathsep.join((str(Path(sys.executable).parent), environ.get("PATH", os.defpath)))
    return {**DEFAULTS, **kept, **plan, **known, **ALWAYS, "PATH": path, KEY: key}


def for_router(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the user's variables; the router passes the engines' key on, and has none."""
    # its --log-level alone leaves a line for each request
    return {"RUST_LOG": "warn", **foreign(environ)}


def for_gateway(
    environ: Mapping[str, str], *, engine_url: str, key: str | None, status_file: Path, model: str
) -> dict[str, str]:
    """Return the user's variables and the engine's address; without a key of ours, theirs stays."""
    ours = {
        "MMHIE_ENGINE_URL": engine_url,
        "MMHIE_PHASE_FILE": str(status_file),
        "MMHIE_REASONER_MODEL": model,
        "PYTHONUNBUFFERED": "1",
    }
    return {**environ, **ours, **({"MMHIE_ENGINE_API_KEY": key} if key else {})}


def foreign(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are not settings of ours."""
    return {name: value for name, value in environ.items() if not name.startswith(PREFIX)}
