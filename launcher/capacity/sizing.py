"""Engines, GPUs and gateways for a demand."""

import math
from dataclasses import dataclass, replace
from typing import Final

from launcher.capacity import engine_load, measured
from launcher.capacity.demand import Demand
from launcher.capacity.engine_load import RequestCost, SteadyState
from launcher.capacity.roofline import Speed
from launcher.errors import PlanError
from launcher.json_types import Json
from launcher.models.facts import ModelFacts
from launcher.planning.cards import Card
from launcher.planning.hardware import Hardware
from launcher.planning.installation import Installation
from launcher.planning.plan import EnginePlan, make_plan
from launcher.settings import LauncherSettings

NODE_GPUS: Final = 8
GATEWAY_BUSY: Final = 0.6  # above it the tail of the gateway's own time grows
WORKERS: Final = 4  # MMHIE_WORKERS of one gateway
ROUTER_CORES: Final = 8  # busy ones of one router, half of what it may use


@dataclass(frozen=True, slots=True)
class SizedEngine:
    """One engine as the launcher would start it, and what it can take.

    `max_sequences` at once: what the KV cache holds of such requests, or --max-num-seqs.
    """

    plan: EnginePlan
    speed: Speed
    cost: RequestCost
    max_sequences: int
    cache_sequences: int
    limit: float

    @property
    def gpus(self) -> int:
        """GPUs of one engine."""
        return self.speed.workload.sizes.devices


@dataclass(frozen=True, slots=True)
class Sizing:
    """The number of everything, and each engine's load while the spare ones are away."""

    demand: Demand
    card: Card
    engine: SizedEngine
    needed: int
    engines: int
    steady_state: SteadyState
    gateway_cores: float
    router_cores: float
    gateways: int

    @property
    def gpus(self) -> int:
        """GPUs of all engines."""
        return self.engines * self.engine.gpus

    @property
    def streams(self) -> float:
        """Answers being written at once (Little's law)."""
        return self.demand.rate * self.steady_state.answer_s

    @property
    def routers(self) -> int:
        """vLLM's router, where there is more than one engine; one more where one may be away."""
        if self.engines == 1:
            return 0
        return math.ceil(self.router_cores / ROUTER_CORES) + min(1, self.demand.spare)

    @property
    def max_inflight(self) -> int:
        """MMHIE_MAX_INFLIGHT for each gateway: half as much again as its share of the streams."""
        return max(16, math.ceil(self.streams * 1.5 / self.gateways))

    def as_json(self) -> Json:
        """The documented keys of `mmhie capacity --json`."""
        return {
            "engines": self.engines,
            "gpus": self.gpus,
            "gpus_per_engine": self.engine.gpus,
            "gateways": self.gateways,
            "workers_per_gateway": WORKERS,
            "routers": self.routers,
            "demand": {
                "requests_per_s": round(self.demand.rate, 3),
                "tokens_in": self.demand.tokens_in,
                "tokens_out": self.demand.tokens_out,
            },
            "engine": {
                "model": self.engine.plan.served_model,
                "gpu": self.card.name,
                "quantization": self.engine.plan.quantization,
                "sequences_at_most": self.engine.max_sequences,
                "sequences_in_cache": self.engine.cache_sequences,
                "limit_requests_per_s": round(self.engine.limit, 3),
                "limit_tokens_per_s": round(self.engine.limit * self.demand.tokens_out, 1),
            },
            "at_peak": {
                "requests_per_s_per_engine": round(self.steady_state.rate, 3),
                "sequences_per_engine": round(self.steady_state.batch, 1),
                "ms_per_token": round(self.steady_state.token_s * 1000, 2),
                "ms_to_first_token": round(self.steady_state.ttft_s * 1000, 1),
                "s_per_answer": round(self.steady_state.answer_s, 2),
                "streams": round(self.streams, 1),
                "gateway_cores": round(self.gateway_cores, 2),
                "router_cores": round(self.router_cores, 2),
                "max_inflight_per_gateway": self.max_inflight,
            },
        }


def size(settings: LauncherSettings, model: ModelFacts, card: Card, demand: Demand) -> Sizing:
    """Everything for this demand; raises PlanError, HardwareError or NotEnoughMemory."""
    engine = one_engine(settings, model, card, demand)
    if engine.cost.token_s(0) > demand.inter_token_s:
        raise PlanError(
            f"One {card.name} writes no token of this model within "
            f"{demand.inter_token_s * 1000:.0f} ms: raise --token-ms, or take a faster GPU."
        )
    needed = math.ceil(demand.rate / (engine.limit * demand.utilization))
    steady_state = engine_load.steady_state(engine.cost, demand.rate / needed, engine.max_sequences)
    assert steady_state is not None  # noqa: S101  # below the limit there is one
    gateway_cores = demand.rate * measured.REQUEST_S + demand.chunks * measured.CHUNK_S
    return Sizing(
        demand=demand,
        card=card,
        engine=engine,
        needed=needed,
        engines=needed + demand.spare,
        steady_state=steady_state,
        gateway_cores=gateway_cores,
        router_cores=demand.rate * measured.ROUTER_REQUEST_S
        + demand.chunks * measured.ROUTER_CHUNK_S,
        gateways=math.ceil(gateway_cores / GATEWAY_BUSY / WORKERS) + min(1, demand.spare),
    )


def one_engine(
    settings: LauncherSettings, model: ModelFacts, card: Card, demand: Demand
) -> SizedEngine:
    """The fewest GPUs the model fits, as the launcher plans it."""
    node = Hardware(gpus=(card,) * NODE_GPUS, is_hypothetical=True)
    plan = make_plan(settings, node, model, Installation(), strict=False)
    _check(plan, demand)
    workload = replace(plan.decisions.workload, request_tokens=demand.tokens)
    speed = Speed(workload, card)
    cache_sequences = int(plan.memory.kv_room_gib / workload.request_gib)
    max_sequences = min(cache_sequences, workload.sequences)
    middle = demand.tokens_in + demand.tokens_out / 2
    cost = RequestCost(
        step_s=lambda batch: speed.step_s(batch, middle),
        prompt_s=speed.prompt_s(demand.tokens_in),
        tokens_out=demand.tokens_out,
    )
    limit = engine_load.limit(cost, max_sequences, demand.inter_token_s)
    return SizedEngine(plan, speed, cost, max_sequences, cache_sequences, limit)


def _check(plan: EnginePlan, demand: Demand) -> None:
    if plan.device != "cuda":
        raise PlanError("MMHIE_DEVICE is cpu, and engines on CPUs are not sized here; unset it.")
    if plan.refusal is not None:
        raise plan.refusal
    if demand.tokens > plan.max_model_len:
        raise PlanError(
            f"{demand.tokens_in} tokens in and {demand.tokens_out} out do not fit the context of "
            f"{plan.max_model_len} that these settings give; raise MMHIE_MAX_INPUT_LENGTH."
        )
