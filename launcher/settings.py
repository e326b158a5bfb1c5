"""Every MMHIE_* variable the launcher acts on, and the guard against names nobody knows."""

import contextlib
import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import ConfigDict, Field, field_validator

from gateway.settings import base as settings_base
from gateway.settings.base import ENV_FILE, PREFIX, Lower, SharedSettings, UserPath
from gateway.settings.gateway import known_names as gateway_names
from launcher import engine_flags
from launcher.errors import SettingsError
from launcher.formats import FORMATS

__all__ = ["PREFIX", "LauncherSettings", "load"]


Device = Literal["auto", "cpu", "cuda"]
DeviceMap = Literal["auto", "balanced", "sequential", "null"]
if TYPE_CHECKING:  # a new row of the table is a new choice
    Quantize = str
else:
    Quantize = Literal["none", *FORMATS]


class LauncherSettings(SharedSettings):
    """Settings of the launcher; `load` builds them from an environment and a .env file."""

    model_config = ConfigDict(str_strip_whitespace=True)

    reasoner_revision: str | None = Field(
        None, description="Commit, branch or tag of the model on the hub."
    )
    base_model: str | None = Field(
        None, description="Base model of the adapter; overrides its adapter_config.json."
    )
    base_revision: str | None = Field(
        None, description="Commit, branch or tag of the base model on the hub."
    )
    device: Annotated[Device, Lower] = Field(
        "auto", description="cuda without a GPU fails at once."
    )
    device_map: Annotated[DeviceMap, Lower] = Field(
        "auto",
        description="auto: fewest GPUs that fit the model; balanced: tensor parallel over "
        "all; sequential: pipeline parallel over all; null: one GPU.",
    )
    merge_adapter: bool = Field(
        True,
        description="Merge an adapter into its base before the first start, if that is exact; "
        "false serves it beside the base, on a GPU only.",
    )
    quantize: Annotated[Quantize, Lower] = Field(
        "none",
        description="none keeps the checkpoint's own format.",
    )
    tensor_parallel: int | None = Field(
        None, ge=1, description="GPUs that share each layer; overrides MMHIE_DEVICE_MAP."
    )
    engines: int | None = Field(
        None,
        ge=1,
        description="Copies of the model on this machine, behind vLLM's router. Unset: as "
        "many as its GPUs hold.",
    )
    max_model_len: int | None = Field(
        None, ge=1, description="Context length in tokens. Unset: input + answer + reasoning."
    )
    dtype: Annotated[Literal["auto", "bfloat16", "float16", "float32"], Lower] = Field(
        "auto", description="Data type of weights that are not quantized."
    )
    kv_cache_dtype: Annotated[Literal["auto", "fp8"], Lower] = Field(
        "auto", description="Data type of the KV cache; fp8 halves its size, on a GPU only."
    )
    gpu_memory_utilization: float | None = Field(
        None,
        gt=0,
        le=0.99,
        description="Share of each GPU's memory the engine may use; default 0.92.",
    )
    engine_args: tuple[str, ...] = Field(
        (), description="Further vLLM flags, split as by a shell; reserved ones are refused."
    )
    engine_server_certificate: UserPath | None = Field(
        None,
        description="Certificate chain and key (PEM, no password) with which `mmhie engine` "
        "serves HTTPS. Unset: plain HTTP.",
    )
    cache_dir: UserPath = Field(
        Path("~/.cache/mmhie"), description="Folder for converted and merged checkpoints."
    )
    start_timeout_seconds: float = Field(
        900,
        gt=0,
        description="Longest time until the engine is ready; on GPUs at least twice the plan's "
        "estimate.",
    )
    restart_limit: int = Field(
        5, ge=0, description="Restarts of a failing engine before the launcher gives up."
    )
    stall_seconds: float = Field(
        120,
        gt=0,
        description="Time without a new token after which a busy engine is restarted; an idle "
        "one is probed at this interval.",
    )

    @field_validator("engine_args", mode="before")
    @classmethod
    def split_engine_args(cls, value: object) -> object:
        """A string is split like a shell does; unbalanced quotes are an error."""
        return tuple(shlex.split(value)) if isinstance(value, str) else value

    @field_validator("engine_args")
    @classmethod
    def refuse_reserved(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Flags the launcher owns, flags that would log text, and values that are none."""
        for written in engine_flags.values(value):
            flag, _, _ = written.partition(".")
            if reason := engine_flags.RESERVED.get(flag):
                raise ValueError(f"{flag} is reserved: {reason}")
        engine_flags.check(value)
        return value

    @property
    def stop_grace_seconds(self) -> float:
        """The time between SIGTERM and SIGKILL of the engine: the gateway drains before."""
        return self.drain_seconds + 10

    @property
    def model(self) -> str:
        """The model to serve: the test override when there is one."""
        return self.reasoner_model_test_override or self.reasoner_model


def load(environ: Mapping[str, str], env_file: Path | None = ENV_FILE) -> LauncherSettings:
    """Return the settings in an environment and a .env file; raise SettingsError."""
    cache = environ.get("XDG_CACHE_HOME")
    defaults = {"MMHIE_CACHE_DIR": f"{cache}/mmhie"} if cache else {}
    with own_errors():
        values = settings_base.variables(environ, env_file)
        settings_base.refuse_unknown(values, known_names())
        given = {name: text for name, text in values.items() if text.strip()}
        settings = settings_base.build(LauncherSettings, defaults | given)
        settings_base.refuse_conflicts(conflicts(settings))
    return settings


@contextlib.contextmanager
def own_errors() -> Iterator[None]:
    """Raise the loader's errors as the launcher's, which have an exit code."""
    try:
        yield
    except settings_base.SettingsError as problem:
        raise SettingsError(str(problem)) from None


def hub_cache(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the hub client's downloads: HF_HUB_CACHE, else HF_HOME/hub."""
    home = environ.get("HF_HOME", "~/.cache/huggingface")
    return Path(environ.get("HF_HUB_CACHE") or f"{home}/hub").expanduser()


def hub_endpoint(environ: Mapping[str, str] = os.environ) -> str:
    """Return the model hub's address: HF_ENDPOINT, else the public one."""
    return (environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def is_offline(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether the hub may not be asked: HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set."""
    value = environ.get("HF_HUB_OFFLINE") or environ.get("TRANSFORMERS_OFFLINE") or ""
    return value.upper() in ("1", "ON", "YES", "TRUE")


def known_names() -> frozenset[str]:
    """Return every MMHIE_* variable that the launcher, the gateway or the SDK reads."""
    return settings_base.names_of(LauncherSettings) | gateway_names()


def conflicts(settings: LauncherSettings) -> Iterator[tuple[object, str]]:
    """Yield combinations that are refused, each with its sentence."""
    yield from settings_base.shared_conflicts(settings)
    yield (
        (settings.engines or 1) > 1 and settings.engine_urls,
        f"MMHIE_ENGINES is {settings.engines} and MMHIE_ENGINE_URLS is set too; start all engines "
        "elsewhere and name them in MMHIE_ENGINE_URLS, or unset it.",
    )
