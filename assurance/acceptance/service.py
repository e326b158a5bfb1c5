"""The service under test: an engine of the settings' plan, and a gateway of its own before it.

The gateway is as the settings have it but for what belongs to clients and other machines: it
listens on this machine alone, under a key of this run, and its audit trail and hold are this run's.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, TextIO

import psutil

from assurance.acceptance.check import seconds_until
from assurance.acceptance.target import PlanFacts, Target, TargetApi, Unreachable
from gateway.settings import gateway
from launcher.checkpoints import preparation
from launcher.checkpoints.preparation import Plans, Step
from launcher.errors import LauncherError
from launcher.json_types import Json
from launcher.planning.cards import Gpu
from launcher.planning.plan import EnginePlan
from launcher.process.child import GUARD, prefixed
from launcher.serving.engine_supervisor import RestartPolicy
from launcher.serving.environment import KEY
from launcher.serving.programs import RunFiles, free_ports, programs, url_of
from launcher.serving.status_file import Phase, StatusFile, engine_facts
from launcher.serving.supervisor import Programs, Supervisor
from launcher.settings import LauncherSettings, known_names

# Clients' keys, limits and certificates, shared state and the console: not the machine's.
BLANK: Final = (
    *("JWKS_", "JWT_", "TLS_", "CLIENT_", "REDIS_", "CORS_", "PROTECT_", "KEYS_", "REQUIRE_"),
    *("AUDIT_CHECKPOINT_URL", "AUDIT_FHIR_", "FEEDBACK_HOLD_"),
)
STOP_S: Final = 30.0
NEW_KEY: Final = (
    *("keys", "new", "--name", "acceptance"),
    *("--scopes", "generate,openai,reasoning,feedback,metrics"),
)
LISTENING: Final = 5  # arguments at the end of an engine's command: host, port, no access log


class ServiceStarter:
    """Starts and ends the services of one acceptance run, one at a time."""

    def __init__(
        self, environ: Mapping[str, str], folder: Path, step: Step, *, quick: bool
    ) -> None:
        self._environ = environ
        self._folder = folder
        self._step = step
        self._is_quick = quick
        self._running: tuple[Supervisor, asyncio.Task[None]] | None = None
        self._log: TextIO | None = None
        self._base = ""
        self._endpoints: list[TargetApi] = []

    async def start(self, settings: LauncherSettings) -> Target:
        """Return the service once it is ready. Raises LauncherError."""
        key = (await operate(self._gateway_environ(), *NEW_KEY))["key"]
        log = self._folder / "service.log"
        plans, parts = await self._serve(settings, log)
        environ = parts.gateway.command.env
        facts = replace(
            facts_of(plans, settings),
            is_quick=self._is_quick,
            is_batch_invariant=self._environ.get("VLLM_BATCH_INVARIANT") == "1",
        )
        return Target(
            facts,
            self._endpoint(f"http://127.0.0.1:{environ['MMHIE_PORT']}", key),
            self._past(parts, plans[0]),
            gateway.load(environ),
            partial(operate, environ),
            log,
            lambda: engine_processes(parts),
            lambda: self._on_base(settings),
        )

    async def close(self) -> None:
        """End whatever runs."""
        for endpoint in self._endpoints:
            await endpoint.close()
        self._endpoints = []
        if self._running is not None:
            supervisor, task = self._running
            self._running = None
            supervisor.stop(STOP_S)
            await asyncio.gather(task, return_exceptions=True)
        if self._log is not None:
            self._log.close()

    async def _on_base(self, settings: LauncherSettings) -> TargetApi:
        """End this service, and start the adapter's base in its place."""
        await self.close()
        base = {
            "reasoner_model": self._base,
            "reasoner_model_test_override": None,
            "reasoner_revision": settings.base_revision,
            "base_model": None,
            "base_revision": None,
        }
        based = settings.model_copy(update=base)
        plans, parts = await self._serve(based, self._folder / "base.log")
        return self._past(parts, plans[0])

    async def _serve(self, settings: LauncherSettings, log: Path) -> tuple[Plans, Programs]:
        """Prepare and start everything; return when it is ready. Raises LauncherError."""
        plans = preparation.plans_of(settings)
        if not plans:
            raise LauncherError(
                "MMHIE_ENGINE_URLS names engines that run elsewhere: run `mmhie accept` there."
            )
        if adapter := plans[0].model.adapter:  # a merged one names its base by its public id alone
            self._base = adapter.base if adapter.merged else plans[0].model.source
        self._log = log.open("a", buffering=1)
        listener = prefixed("prepare", self._log)
        plans = await preparation.prepared(plans, self._environ, self._step, listener)
        files = RunFiles(self._folder, self._log)
        parts = programs(settings, plans, self._gateway_environ(), files, over_tcp=True)
        await self._run(settings, parts, plans)
        return plans, parts

    async def _run(self, settings: LauncherSettings, parts: Programs, plans: Plans) -> None:
        status = StatusFile(self._folder / "phase.json", engine_facts(plans, self._environ))
        ready = asyncio.Event()

        def publish(phase: Phase) -> None:
            status.write(phase)
            if phase.name == "ready":
                ready.set()
            elif not ready.is_set():
                self._step(phase.detail, phase.progress)

        policy = RestartPolicy(
            settings.start_timeout_seconds, settings.stall_seconds, settings.restart_limit
        )
        supervisor = Supervisor(parts, policy, publish)
        task = asyncio.create_task(supervisor.run())
        self._running = supervisor, task
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            self._running = None
            task.result()  # raises what ended it
        await self._until_gateway(parts)

    async def _until_gateway(self, parts: Programs) -> None:
        """Wait until the gateway is ready."""
        env = parts.gateway.command.env
        probe = self._endpoint(f"http://127.0.0.1:{env['MMHIE_PORT']}")
        if await seconds_until(lambda: listens(probe), STOP_S, 0.1) is None:
            raise LauncherError("The engine is ready and the gateway does not say so.")

    def _endpoint(self, url: str, key: str = "", tokenizer: str = "") -> TargetApi:
        made = TargetApi(url, key, tokenizer)
        self._endpoints.append(made)
        return made

    def _past(self, parts: Programs, plan: EnginePlan) -> TargetApi:
        """Return the way past the gateway: the router, or the one engine."""
        engine = parts.engines[0]
        key = engine.command.env[KEY]
        return self._endpoint(parts.router_url or url_of(engine.address), key, tokenizer_of(plan))

    def _gateway_environ(self) -> dict[str, str]:
        """Return the user's variables with a gateway of this run's own."""
        names = {f"MMHIE_{beginning}" for beginning in BLANK}
        # blank, not away: the gateway would take them from a .env file
        blank = {name: "" for name in known_names() if name.startswith(tuple(names))}
        set_by_user = gateway.load(self._environ)
        audit, feedback = self._folder / "audit.jsonl", self._folder / "feedback.sqlite"
        (port,) = free_ports(1)
        return {
            **self._environ,
            **blank,
            "MMHIE_HOST": "127.0.0.1",
            "MMHIE_PORT": str(port),
            "MMHIE_KEYS_FILE": str(self._folder / "keys.json"),
            "MMHIE_HOLD_FILE": str(self._folder / "hold.json"),
            "MMHIE_AUDIT_FILE": str(audit) if set_by_user.audit_file else "",
            "MMHIE_FEEDBACK_FILE": str(feedback) if set_by_user.feedback_file else "",
            "MMHIE_REASONING": "pass",
        }


async def listens(gateway: TargetApi) -> bool:
    """Return whether the gateway listens, and has seen that the engine is ready."""
    try:
        return await gateway.is_ready()
    except Unreachable:
        return False


async def operate(environ: Mapping[str, str], *words: str) -> Json:
    """Run a command of `mmhie` beside the gateway of this environment, and return its JSON. Raises
    LauncherError."""
    done = await asyncio.to_thread(
        subprocess.run,
        (sys.executable, "-m", "launcher", *words, "--json"),
        env={**environ, "MMHIE_URL": ""},  # another gateway of the user's
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LauncherError(done.stderr.strip())
    return dict(json.loads(done.stdout))


def engine_processes(parts: Programs) -> list[psutil.Process]:
    """Return the processes of the engines, each server before its descendants."""
    below = psutil.Process().children(recursive=True)
    servers = [process for process in below if is_server(process, parts)]
    return [each for server in servers for each in (server, *server.children(recursive=True))]


def is_server(process: psutil.Process, parts: Programs) -> bool:
    """The process is an engine itself, and not the guard that has its command line too."""
    line = tuple(process.cmdline())
    return any(
        line[-len(flags) :] == flags and str(GUARD) not in line
        for flags in (engine.command.argv[-LISTENING:] for engine in parts.engines)
    )


def tokenizer_of(plan: EnginePlan) -> str:
    """Return the folder or hub id of the tokenizer that the engine uses."""
    return plan.decisions.settings.base_model or plan.decisions.source


def facts_of(plans: Plans, settings: LauncherSettings) -> PlanFacts:
    """Return what the plans of equal engines say."""
    plan, engines = plans[0], len(plans)
    decided, adapter = plan.decisions, plan.model.adapter
    on_cpu = plan.device == "cpu"
    taken_gib = plan.memory.per_gpu_gib * engines if on_cpu else plan.memory.available_gib
    return PlanFacts(
        model=plan.served_model,
        base=adapter.base if adapter else None,
        adapter=plan.adapter,
        is_adapter_merged=decided.lora is None,
        revision=plan.model.revision,
        device=plan.device,
        cards=() if on_cpu else tuple(gpu.name for plan in plans for gpu in used_gpus(plan)),
        cpus=decided.hardware.cpus * engines,
        engine=str(decided.installed.engine),
        engine_version=str(decided.installed.version),
        quantization=plan.quantization,
        dtype=plan.dtype,
        kv_cache_dtype=decided.workload.kv_dtype,
        max_model_len=plan.max_model_len,
        tensor_parallel=plan.tensor_parallel,
        pipeline_parallel=plan.pipeline_parallel,
        data_parallel=plan.data_parallel,
        engines=engines,
        limit=max(1, min(decided.workload.sequences, plan.memory.max_concurrent) * engines),
        timeout_s=settings.timeout_seconds,
        start_timeout_s=settings.start_timeout_seconds,
        weights_gib=plan.memory.weights_per_gpu_gib,
        memory_gib=taken_gib,
        free_gib=tuple(gpu.free_gib or 0.0 for plan in plans for gpu in used_gpus(plan)),
        kv_tokens=kv_tokens(plan),
        is_reasoning=plan.model.reasoning,
        has_chat_template=bool(plan.model.chat_template),
        has_tools="--tool-call-parser" in plan.argv,
    )


def used_gpus(plan: EnginePlan) -> tuple[Gpu, ...]:
    """Return the GPUs that the plan's engine spreads over."""
    return plan.decisions.hardware.gpus[: plan.decisions.sizes.devices * plan.data_parallel]


def kv_tokens(plan: EnginePlan) -> int:
    """Return the tokens that the estimated KV cache holds, as vLLM counts them."""
    memory, workload = plan.memory, plan.decisions.workload
    if plan.device == "cpu":
        longest_gib = replace(workload, batched_tokens=2048 * workload.sizes.devices).longest_gib
    else:  # the rest of what it takes is named
        rest_gib = memory.weights_per_gpu_gib + memory.activations_gib + memory.overhead_gib
        longest_gib = memory.per_gpu_gib - rest_gib
    return int((memory.kv_space_gib or memory.kv_room_gib) / longest_gib * plan.max_model_len)
