"""Every MMHIE_* variable the launcher acts on, and the guard against names nobody knows."""

import difflib
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from launcher.errors import SettingsError

PREFIX: Final = "MMHIE_"
DEFAULT_MODEL: Final = "dousery/medical-reasoning-gpt-oss-20b"
ENGINE_DATE: Final = "VLLM_SYSTEM_START_DATE"  # vLLM's own name for MMHIE_PIN_DATE
RAY_PORT: Final = 6379  # where Ray's head listens unless it is told otherwise
SDK_NAMES: Final = frozenset({"MMHIE_URL", "MMHIE_API_KEY", "MMHIE_BACKEND"})

Device = Literal["auto", "cpu", "cuda"]
DeviceMap = Literal["auto", "balanced", "sequential", "null"]
Quantize = Literal[
    "none",
    "auto",
    "bitsandbytes",
    "gptq",
    "awq",
    "gguf",
    "mxfp4",
    "fp8",
    "compressed-tensors",
]
RouterPolicy = Literal["cache_aware", "consistent_hash", "power_of_two"]
RESERVED_FLAGS: Final[Mapping[str, str]] = {
    "--host": "the engine listens on a private socket",
    "--port": "the engine listens on a private socket",
    "--uds": "the launcher chooses the socket",
    "--api-key": "the launcher makes a key for every start",
    "--model": "set MMHIE_REASONER_MODEL instead",
    "--served-model-name": "set MMHIE_REASONER_MODEL instead",
    "--lora-modules": "set MMHIE_REASONER_MODEL to the adapter instead",
    "--enable-log-requests": "it writes the patient's text into the log",
    "--enable-log-outputs": "it writes the model's answers into the log",
    "--enable-log-deltas": "it writes the model's answers into the log",
    "--config": "a file could set any of the reserved flags",
}


def lower(value: object) -> object:
    """Choices are accepted in any case: MMHIE_DEVICE=CPU means cpu."""
    return value.strip().lower() if isinstance(value, str) else value


Lower = BeforeValidator(lower)


class LauncherSettings(BaseSettings):
    """What the launcher acts on; `load` builds it from an environment and a .env file."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    reasoner_model: str = Field(
        DEFAULT_MODEL,
        min_length=1,
        description="Hub id, local folder, .gguf file, LoRA adapter, or `embedded`.",
    )
    reasoner_model_test_override: str | None = Field(
        None,
        description="Takes precedence over MMHIE_REASONER_MODEL; refused when "
        "MMHIE_ENV=production.",
    )
    reasoner_revision: str | None = Field(
        None, description="Commit, branch or tag of the model on the hub."
    )
    base_model: str | None = Field(
        None, description="Base model of the adapter; overrides the one in its adapter_config.json."
    )
    device: Annotated[Device, Lower] = Field(
        "auto", description="auto, cpu or cuda; cuda without a GPU fails at once."
    )
    device_map: Annotated[DeviceMap, Lower] = Field(
        "auto",
        description="auto: fewest GPUs that fit the model; balanced: tensor parallel over all; "
        "sequential: pipeline parallel over all; null: one GPU.",
    )
    max_tokens: int = Field(
        512, ge=1, description="Default and maximum length of an answer, in tokens."
    )
    max_reasoning_tokens: int = Field(
        1536,
        ge=0,
        description="Reasoning budget of a reasoning model, in tokens, besides the answer's.",
    )
    max_input_length: int = Field(
        4096, ge=1, description="Maximum prompt length in tokens, chat template included."
    )
    streaming: bool = Field(
        False, description="Whether /llm/generate streams when the request has no `stream` field."
    )
    timeout_seconds: float = Field(
        30,
        ge=0,
        description="Timeout of a whole answer; of a stream: time to the first token, then idle "
        "time.",
    )
    quantize: Annotated[Quantize, Lower] = Field(
        "none",
        description="none keeps the checkpoint's own format; auto picks one that fits; any other "
        "is checked against checkpoint, device and plugins.",
    )
    quantize_fallback: Annotated[Literal["warn", "error"], Lower] = Field(
        "warn",
        description="What to do when MMHIE_QUANTIZE is not possible but another format is.",
    )
    env: Annotated[Literal["development", "production"], Lower] = Field(
        "development", description="production refuses the test override and open access."
    )
    host: str = Field("127.0.0.1", description="Address the gateway listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port the gateway listens on.")
    max_inflight: int = Field(
        256,
        ge=1,
        description="Requests at the engine at once; also the engine's maximum batch size.",
    )
    tensor_parallel: int | None = Field(
        None, ge=1, description="GPUs that share each layer; overrides MMHIE_DEVICE_MAP."
    )
    pipeline_parallel: int | None = Field(
        None, ge=1, description="Pipeline stages: groups of GPUs that hold consecutive layers."
    )
    data_parallel: int | None = Field(None, ge=1, description="Replicas of the whole model.")
    engines: int = Field(
        1,
        ge=1,
        description="Engines on this machine; with more than one, vLLM's router runs in front of "
        "them.",
    )
    engine_urls: tuple[str, ...] = Field(
        (),
        description="Engines that run elsewhere, as a comma-separated list of URLs; none is "
        "started here, and vLLM's router balances them.",
    )
    router_policy: Annotated[RouterPolicy, Lower] = Field(
        "cache_aware",
        description="Load-balancing policy. cache_aware: the engine that has the prompt's prefix "
        "cached; consistent_hash: one engine per client; power_of_two: the less busy of two.",
    )
    distributed_backend: Annotated[Literal["mp", "ray"], Lower] = Field(
        "mp", description="How engine processes are started across GPUs and nodes."
    )
    nodes: int = Field(1, ge=1, description="Machines that run one engine together.")
    node_rank: int = Field(0, ge=0, description="Rank of this machine; 0 is the head.")
    head_address: str | None = Field(
        None, description="Address of node 0; required on every node when MMHIE_NODES is over 1."
    )
    traces_endpoint: str | None = Field(
        None,
        pattern=r"^https?://[^/?#@\s]+/[^?#\s]+$",
        description="OTLP/HTTP endpoint for the engine's traces, path included.",
    )
    max_model_len: int | None = Field(
        None, ge=1, description="Context length in tokens. Unset: input + answer + reasoning."
    )
    dtype: Annotated[Literal["auto", "bfloat16", "float16", "float32"], Lower] = Field(
        "auto", description="Data type of the weights that are not quantized."
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
    pin_date: str | None = Field(
        None,
        description="Date (YYYY-MM-DD) in gpt-oss's prompt instead of today's, so that answers "
        "and digests of different days can be compared.",
    )
    engine_args: tuple[str, ...] = Field(
        (), description="Further vLLM flags, split as by a shell; reserved ones are refused."
    )
    cache_dir: Path = Field(
        Path("~/.cache/mmhie"), description="Folder for converted and merged checkpoints."
    )
    start_timeout_seconds: float = Field(
        900, gt=0, description="Longest time the engine may take to become ready."
    )
    stop_grace_seconds: float = Field(
        30, ge=0, description="Time between SIGTERM and SIGKILL of the engine."
    )
    restart_limit: int = Field(
        5, ge=0, description="Restarts of a failing engine before the launcher gives up."
    )
    stall_seconds: float = Field(
        120,
        gt=0,
        description="Requests that run this long without a new token mean a stall: the engine is "
        "restarted. An idle engine is probed with one token at this interval.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *others: PydanticBaseSettingsSource,
        **named: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only `load` reads the environment, so a test never sees the machine's own."""
        return (init_settings,)

    @field_validator("engine_args", mode="before")
    @classmethod
    def split_engine_args(cls, value: object) -> object:
        """A string is split like a shell does; unbalanced quotes are an error."""
        return tuple(shlex.split(value)) if isinstance(value, str) else value

    @field_validator("engine_urls", mode="before")
    @classmethod
    def split_engine_urls(cls, value: object) -> object:
        """Commas and spaces part them."""
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("engine_urls")
    @classmethod
    def refuse_odd_urls(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """The router takes http://host:port."""
        for url in value:
            if not re.fullmatch(r"https?://[^/\s]+/?", url):
                raise ValueError(f"{url} is not of the form http://host:port")
        return tuple(url.rstrip("/") for url in value)

    @field_validator("engine_args")
    @classmethod
    def refuse_reserved(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Flags the launcher owns, and flags that would log text, are refused."""
        for part in value:
            flag = _reserved(part)
            if flag is not None:
                raise ValueError(f"{flag} is reserved: {RESERVED_FLAGS[flag]}")
        return value

    @field_validator("pin_date")
    @classmethod
    def refuse_other_dates(cls, value: str | None) -> str | None:
        """The engine would write anything into the prompt."""
        try:
            if value is not None and value != date.fromisoformat(value).isoformat():
                raise ValueError
        except ValueError:
            raise ValueError("must be a date such as 2026-01-31") from None
        return value

    @field_validator("cache_dir")
    @classmethod
    def expand_home(cls, value: Path) -> Path:
        """`~` means the user's home."""
        return value.expanduser()

    @property
    def model(self) -> str:
        """The model to serve: the test override when there is one."""
        return self.reasoner_model_test_override or self.reasoner_model


def _reserved(part: str) -> str | None:
    """The reserved flag this is; vLLM also takes underscores and unambiguous beginnings."""
    written = part.split("=", 1)[0].replace("_", "-")
    if not written.startswith("--") or len(written) < 3:
        return None
    return next((flag for flag in RESERVED_FLAGS if flag.startswith(written)), None)


def load(environ: Mapping[str, str], env_file: Path | None = Path(".env")) -> LauncherSettings:
    """Settings from `environ` over the .env file; SettingsError names what is wrong."""
    values = {**_read_env_file(env_file), **environ}
    ours = {name: text for name, text in values.items() if name.upper().startswith(PREFIX)}
    _refuse_unknown(ours)
    fields = LauncherSettings.model_fields
    given: dict[str, Any] = {
        name.upper().removeprefix(PREFIX).lower(): text.strip()
        for name, text in ours.items()
        if text.strip()
    }
    if environ.get("XDG_CACHE_HOME"):
        given.setdefault("cache_dir", f"{environ['XDG_CACHE_HOME']}/mmhie")
    if environ.get(ENGINE_DATE):
        given.setdefault("pin_date", environ[ENGINE_DATE])
    try:
        settings = LauncherSettings(**{name: given[name] for name in fields if name in given})
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None
    return refuse_conflicts(settings)


def given(environ: Mapping[str, str], env_file: Path | None = Path(".env")) -> dict[str, str]:
    """The launcher's own variables that are set, as they are written; none of them is a secret."""
    values = {**_read_env_file(env_file), **environ}
    ours = {name.upper(): text.strip() for name, text in values.items()}
    return {name: ours[name] for name in sorted(_own_names()) if ours.get(name)}


def hub_cache(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the hub's client keeps its downloads: HF_HUB_CACHE, else HF_HOME/hub."""
    home = environ.get("HF_HOME", "~/.cache/huggingface")
    return Path(environ.get("HF_HUB_CACHE") or f"{home}/hub").expanduser()


def known_names() -> frozenset[str]:
    """Every MMHIE_* name that means something: the launcher's, the gateway's and the sdk's."""
    return _own_names() | SDK_NAMES | _gateway_names()


def _own_names() -> frozenset[str]:
    return frozenset(PREFIX + name.upper() for name in LauncherSettings.model_fields)


def _gateway_names() -> frozenset[str]:
    try:
        from gateway import settings
    except ImportError:
        return frozenset()
    return frozenset(settings.known_names())


def _read_env_file(path: Path | None) -> dict[str, str]:
    if path is None or not path.is_file():
        return {}
    try:
        return {name: text for name, text in dotenv_values(path).items() if text is not None}
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{path} cannot be read as text in UTF-8.") from None


def _refuse_unknown(names: Iterable[str]) -> None:
    """extra="forbid" does not see a misspelt environment variable, so names are checked here."""
    known = known_names()
    for name in sorted(names):
        if name.upper() not in known:
            raise SettingsError(f"{name} is not a setting{_nearest(name, known)}.")


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name.upper(), sorted(known), n=1, cutoff=0.0)
    return f"; the nearest known name is {close[0]}" if close else ""


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    name = PREFIX + str(first["loc"][0]).upper()
    reason = first["msg"].removeprefix("Value error, ").replace("Input ", "it ")
    return f"{name} is {str(first['input'])!r}: {reason[0].lower()}{reason[1:]}."


def joining_ray(settings: LauncherSettings) -> tuple[str, ...]:
    """What a node that is not the head is started with when Ray holds them together."""
    head = settings.head_address or ""
    address = f"[{head}]" if ":" in head else head
    return ("ray", "start", f"--address={address}:{RAY_PORT}", "--block")


def refuse_conflicts(settings: LauncherSettings) -> LauncherSettings:
    """The same settings; SettingsError where one contradicts another."""
    if settings.env == "production" and settings.reasoner_model_test_override:
        raise SettingsError(
            "MMHIE_REASONER_MODEL_TEST_OVERRIDE is set while MMHIE_ENV is production; "
            "set MMHIE_REASONER_MODEL instead."
        )
    if settings.nodes > 1 and settings.head_address is None:
        raise SettingsError(
            f"MMHIE_NODES is {settings.nodes} but MMHIE_HEAD_ADDRESS is not set; "
            "give every node the address of node 0."
        )
    if settings.engines > 1 and (settings.nodes > 1 or settings.engine_urls):
        other = "MMHIE_NODES" if settings.nodes > 1 else "MMHIE_ENGINE_URLS"
        raise SettingsError(
            f"MMHIE_ENGINES is {settings.engines} and {other} is set too: several engines run on "
            "one machine each; start them there, and name them all in MMHIE_ENGINE_URLS."
        )
    if settings.node_rank >= settings.nodes:
        raise SettingsError(
            f"MMHIE_NODE_RANK is {settings.node_rank} but MMHIE_NODES is {settings.nodes}; "
            "ranks go from 0 to MMHIE_NODES - 1."
        )
    if settings.node_rank > 0 and settings.distributed_backend == "ray":
        raise SettingsError(
            "With MMHIE_DISTRIBUTED_BACKEND=ray only node 0 is started by mmhie; this node, "
            f"{settings.node_rank}, joins it with `{shlex.join(joining_ray(settings))}`."
        )
    return settings
