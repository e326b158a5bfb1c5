"""The state of the engine, from the launcher's status file or from the engine itself."""

import asyncio
import contextlib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

import orjson

from gateway.api.paths import CHAT, COMPLETIONS, TOKENIZE
from gateway.engine import openai_json
from gateway.engine.client import EngineClient, EngineRequest
from gateway.engine.tls import RETRY_S, EngineUntrusted
from gateway.errors import EngineTimeout, EngineUnavailable, GatewayError
from gateway.runtime.files import read_bounded
from gateway.runtime.json_types import Json

Phase = Literal["starting", "loading", "ready", "draining", "engine_down", "stalled", "held"]

UNKNOWN = "unknown"
NAME = re.compile(r"[\w.-]{1,40}")
LONGEST_VERSION = 64
MOST_STATUS_BYTES = 1 << 20  # of the launcher's file; nothing longer is one
PUBLISHED = (
    *("base", "adapter", "revision", "base_revision", "quantization", "pinned_date"),
    "display_name",
)
PROBE_TIMEOUT_S = 5.0
MOST_LATE = 3  # probes in a row, as in Kubernetes; a busy engine may still answer requests
FIRST_PROBE_S = 1.0
POLL_READY_S = 1.0
POLL_WAITING_S = 0.2


@dataclass(frozen=True, slots=True)
class ServedModel:
    """The served model; lengths are in tokens."""

    id: str
    ids: tuple[str, ...] = ()
    max_model_len: int | None = None
    has_chat_template: bool = True
    counts_tokens: bool = False
    template_tokens: int = 0
    reasons: bool | None = None  # None: unknown
    budgets_reasoning: bool = False  # the engine supports `thinking_token_budget`
    by_priority: bool = False
    base: str | None = None
    adapter: str | None = None
    adapter_digest: str | None = None  # of its weights
    revision: str | None = None
    base_revision: str | None = None
    quantization: str | None = None
    pinned_date: str | None = None
    display_name: str | None = None  # shown to people instead of the id
    owner: str = UNKNOWN  # the engine that lists it

    @property
    def path(self) -> str:
        """The engine's path for prompts; models without a chat template refuse chats."""
        return CHAT if self.has_chat_template else COMPLETIONS


@dataclass(frozen=True, slots=True)
class EngineState:
    """The state of the engine at one moment, as /healthz reports it."""

    phase: Phase = "starting"
    progress: float | None = None
    detail: str = "The engine is starting. Questions are answered once it is there."
    engine: str = UNKNOWN
    engine_version: str | None = None
    model: ServedModel | None = None  # only in the phase `ready`
    warnings: tuple[str, ...] = ()
    model_facts: Json = field(default_factory=dict)


class EngineWatch:
    """Updates the engine's state in one task, until that is cancelled."""

    def __init__(
        self, engine: EngineClient, status_file: Path | None, health_path: str = "/health"
    ) -> None:
        self._engine = engine
        self._status_file = status_file
        self._health_path = health_path
        self._recheck = asyncio.Event()
        self._probed = asyncio.Event()
        self._was_ready = False
        self._is_untrusted = False
        self._late = 0  # probes in a row without an answer in time
        self.state = EngineState()
        self.draining = False  # stopping: not ready for new requests
        self.refusing = False  # load balancers have had time to notice

    @property
    def phase(self) -> Phase:
        return "draining" if self.draining else self.state.phase

    def recheck(self) -> None:
        """Probe the engine now: a request has failed to reach it."""
        self._recheck.set()

    def mark_reasoning(self, model: ServedModel) -> None:
        """Note that the model reasons, after an answer with reasoning: it gets a budget then."""
        if self.state.model is model and model.reasons is None:
            self.state = replace(self.state, model=replace(model, reasons=True))

    async def run(self) -> None:
        """Probe the engine repeatedly, more often while it is not ready."""
        while True:
            self._recheck.clear()
            self.state = await self.probe()
            self._probed.set()
            if self._is_untrusted:  # each probe costs the engine a handshake
                await asyncio.sleep(RETRY_S)
                continue
            pause = POLL_READY_S if self.state.phase == "ready" else POLL_WAITING_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._recheck.wait()

    async def wait_for_first_probe(self) -> None:
        """Wait for the first probe, a second at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_PROBE_S):
                await self._probed.wait()

    async def probe(self) -> EngineState:
        """Return the current state of the engine."""
        published = read_status_file(self._status_file) if self._status_file else None
        self._is_untrusted = False
        if published is not None and published.phase != "ready":
            return published
        late, self._late = self._late, 0
        try:
            return await self._probe_engine(published or EngineState())
        except EngineUntrusted as error:
            self._is_untrusted = True
            return self._down(published, error.message)
        except EngineTimeout:
            self._late = late + 1
            is_busy = self.state.phase == "ready" and self._late < MOST_LATE
            return self.state if is_busy else self._unreachable(published)
        except (GatewayError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return self._unreachable(published)

    def _unreachable(self, published: EngineState | None) -> EngineState:
        if published is None and not self._was_ready:
            return EngineState()
        return self._down(published, "The engine does not answer.")

    def _down(self, published: EngineState | None, detail: str) -> EngineState:
        state = published or self.state
        return replace(state, phase="engine_down", detail=detail, model=None)

    async def _probe_engine(self, published: EngineState) -> EngineState:
        """Check the health; fetch facts about the model once per start of the engine."""
        status, _ = await self._get(self._health_path)
        if status == 404:  # an engine other than vLLM, or a proxy that passes on `/v1` alone
            status, _ = await self._get("/v1/models")
        if status != 200:
            raise EngineUnavailable("The engine is not healthy.")
        model = self.state.model or await self._model(published)
        version = self.state.engine_version or published.engine_version or await self._version()
        self._was_ready = True
        detail = published.detail if published.phase == "ready" else "The model is ready."
        engine = model.owner if published.engine == UNKNOWN else published.engine
        return replace(
            published,
            phase="ready",
            progress=1.0,
            detail=detail,
            engine=engine,
            model=model,
            engine_version=version,
        )

    async def _model(self, published: EngineState) -> ServedModel:
        status, body = await self._get("/v1/models")
        if status != 200:
            raise EngineUnavailable("The engine does not list its models.")
        model = parse_models(body, published.model_facts)
        template_tokens = await self._count(model.id, messages=[{"role": "user", "content": "a"}])
        if template_tokens is not None:
            return replace(model, counts_tokens=True, template_tokens=template_tokens)
        if published.model_facts.get("chat_template"):
            return model  # Harmony needs no template of the tokenizer
        if await self._count(model.id, prompt="a") is None:
            return model  # no /tokenize: not vLLM, assumed to have a template
        return replace(model, counts_tokens=True, has_chat_template=False, template_tokens=2)

    async def _count(self, model: str, **what: object) -> int | None:
        body = orjson.dumps({"model": model, **what})
        request = EngineRequest("POST", TOKENIZE, body, total_s=PROBE_TIMEOUT_S)
        status, answer = await self._engine.fetch(request)
        return positive(read_field(answer, "count")) if status == 200 else None

    async def _version(self) -> str | None:
        status, body = await self._get("/version")
        version = read_field(body, "version") if status == 200 else None
        return str(version)[:LONGEST_VERSION] if isinstance(version, str | int | float) else None

    async def _get(self, path: str) -> tuple[int, bytes]:
        return await self._engine.fetch(EngineRequest("GET", path, total_s=PROBE_TIMEOUT_S))


def read_field(body: bytes, name: str) -> object:
    """Return a field of a JSON answer; None for any other answer, such as a web server's page."""
    try:
        return openai_json.parse(body).get(name)
    except GatewayError:
        return None


def parse_models(body: bytes, published: Json) -> ServedModel:
    """Return the model of a /v1/models answer, with the facts that the launcher published.

    The launcher's public id hides the other models that the engine lists: nobody shall use the base
    model of an adapter by mistake.
    """
    try:
        entries = openai_json.parse(body)["data"]
        listed = tuple(str(entry["id"]) for entry in entries)
        first = entries[0]
    except (GatewayError, KeyError, IndexError, TypeError):
        raise EngineUnavailable("The engine lists no model.") from None
    public, digest = published.get("id"), published.get("adapter_sha256")
    facts: Json = {name: published.get(name) for name in PUBLISHED}
    return ServedModel(
        id=public or listed[0],
        ids=(public,) if public else listed,
        owner=engine_name(first.get("owned_by")),
        max_model_len=published.get("max_model_len") or positive(first.get("max_model_len")),
        reasons=published.get("reasoning"),
        budgets_reasoning=bool(published.get("reasoning_budget")),
        by_priority=bool(published.get("priority")),
        adapter_digest=f"sha256:{digest}" if digest else None,
        **facts,
    )


def positive(value: object) -> int | None:
    """Return a number of tokens; None for anything else that an engine may send in its place."""
    return value if type(value) is int and value > 0 else None


def engine_name(owner: object) -> str:
    """Return the owner of a listed model, for the provenance, if it is a plain name."""
    return owner if isinstance(owner, str) and NAME.fullmatch(owner) else UNKNOWN


def read_status_file(path: Path) -> EngineState | None:
    """Return the state that the launcher has published; None without a valid file."""
    try:
        status = orjson.loads(read_bounded(path, MOST_STATUS_BYTES))
        if status["phase"] not in get_args(Phase):
            return None
        engine = status.get("engine") or {}
        return EngineState(
            phase=status["phase"],
            progress=status.get("progress"),
            detail=status.get("detail") or "",
            engine=engine.get("name") or "vllm",
            engine_version=engine.get("version"),
            warnings=tuple(status.get("warnings") or ()),
            model_facts=dict(status.get("model") or {}),
        )
    except (OSError, KeyError, AttributeError, TypeError, ValueError):
        return None
