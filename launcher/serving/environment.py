"""Environments of the engine and the router."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from launcher.planning.engine_command import SWITCHES
from launcher.settings import PREFIX

KEY = "VLLM_API_KEY"
# No usage statistics, whatever the plan or the user says.
ALWAYS = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "PYTHONUNBUFFERED": "1"}
# NCCL names the cause of an error ("No space left on device") only from this level on.
DEFAULTS = {"NCCL_DEBUG": "WARN"}
# With these vLLM writes prompts or answers into its log, or opens paths that change it. At DEBUG it
# logs both by itself, and a logging configuration may set DEBUG.
WITHHELD = (
    "VLLM_DEBUG_LOG_API_SERVER_RESPONSE",
    "VLLM_SERVER_DEV_MODE",
    "VLLM_LOGGING_CONFIG_PATH",
)
LOG_LEVEL = "VLLM_LOGGING_LEVEL"
HARMONY_FOLDER = "TIKTOKEN_ENCODINGS_BASE"


def for_engine(environ: Mapping[str, str], plan: Mapping[str, str], key: str) -> dict[str, str]:
    """Return the user's variables, overridden by the plan's.

    Without the MMHIE_* settings, which include keys, and without variables that make vLLM write
    patients' text into its log.
    """
    passed = {name: value for name, value in foreign(environ).items() if name not in WITHHELD}
    if passed.get(LOG_LEVEL, "").upper() == "DEBUG":
        passed[LOG_LEVEL] = "INFO"
    if not passed.get(HARMONY_FOLDER):  # set but blank, it breaks the Harmony vocabulary
        passed.pop(HARMONY_FOLDER, None)
    switches = {name: passed[name] for name in SWITCHES if passed.get(name)}
    path = os.pathsep.join((str(Path(sys.executable).parent), environ.get("PATH", os.defpath)))
    return {**DEFAULTS, **passed, **plan, **switches, **ALWAYS, "PATH": path, KEY: key}


def for_router(environ: Mapping[str, str], key: str) -> dict[str, str]:
    """Return the user's variables, and the key of the engines; empty if they have none."""
    # its --log-level alone leaves a line for each request
    return {"RUST_LOG": "warn", **foreign(environ), KEY: key}


def foreign(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are not MMHIE_* settings."""
    return {name: value for name, value in environ.items() if not name.startswith(PREFIX)}
