"""The services that live as long as the application, and the dependency for routes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypedDict

from fastapi import Depends, Request

from gateway.audit.trail import Trail
from gateway.auth.gate import Gate
from gateway.cluster.state import NOT_SYNCED, ClusterState
from gateway.engine.client import EngineClient
from gateway.engine.watch import EngineWatch, ServedModel
from gateway.errors import Draining, EngineUnavailable, Held
from gateway.hold.guard import HoldGuard
from gateway.limits.admission import AdmissionQueue
from gateway.limits.memory_budget import MemoryBudget
from gateway.observability.metrics import Metrics
from gateway.record import Observer
from gateway.runtime.background import Background
from gateway.runtime.heavy_work import HeavyWork
from gateway.runtime.json_types import Json
from gateway.safety.labels import GATEWAY_VERSION, Labels, Serving
from gateway.safety.red_flags.screening import Screener
from gateway.safety.transcript import Transcript
from gateway.settings.gateway import GatewaySettings
from gateway.vault.vault import Vault

if TYPE_CHECKING:
    from gateway.feedback.desk import FeedbackDesk
    from gateway.observability.spans import SpanTracing


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that routes and pipeline use."""

    settings: GatewaySettings
    engine: EngineClient
    metered: tuple[EngineClient, ...]
    watch: EngineWatch
    admission: AdmissionQueue
    labels: Labels
    screener: Screener
    metrics: Metrics
    hold: HoldGuard
    gate: Gate
    memory: MemoryBudget
    shared: ClusterState
    background: Background
    heavy: HeavyWork
    operator_card: Json | None
    answering: Mapping[str, object]
    trail: Trail | None = None
    vault: Vault | None = None
    feedback: "FeedbackDesk | None" = None
    tracing: "SpanTracing | None" = None
    observers: tuple[Observer, ...] = ()

    def available_model(self) -> ServedModel:
        """Return the served model; raise Held, Draining, EngineUnavailable or
        SharedStateUnavailable if none is available. Other threads may call this."""
        self.check_hold()
        self.shared.require_sync()
        return self.served_model()

    def served_model(self) -> ServedModel:
        """Return the served model, even during a hold; raise Draining or EngineUnavailable."""
        state = self.watch.state
        if self.watch.refusing:
            raise Draining("This gateway is stopping; send the request again.", retry_after_s=1)
        if state.model is None:
            raise EngineUnavailable(state.detail, retry_after_s=5)
        return state.model

    def check_hold(self) -> None:
        if self.hold.message is not None:
            raise Held(self.hold.message)

    def transcript(self, request: bytes) -> Transcript | None:
        """Return a collector for the texts of a request, None without a vault; raise
        OutOfMemory."""
        if self.vault is None:
            return None
        return Transcript(request, self.memory.lease())

    def phase(self) -> str:
        """Return the phase that /healthz shows."""
        self.hold.apply_shared()
        if self.watch.draining:
            return "draining"
        if self.hold.message is not None:
            return "held"
        return "starting" if self.shared.is_unsynced else self.watch.phase

    def detail(self) -> str:
        """Return the sentence about the phase; during a hold, the downtime message."""
        message = self.hold.message
        if message is None or self.watch.draining:
            return NOT_SYNCED if self.shared.is_unsynced else self.watch.state.detail
        return message

    def serving(self, model: ServedModel) -> Serving:
        """Return engine and model for the provenance."""
        state = self.watch.state
        return Serving(
            gateway_version=GATEWAY_VERSION,
            engine=state.engine,
            engine_version=state.engine_version,
            model=model.id,
            revision=model.revision,
            base=model.base,
            base_revision=model.base_revision,
            adapter=model.adapter,
            adapter_digest=model.adapter_digest,
            quantization=model.quantization,
            pinned_date=model.pinned_date,
            display_name=model.display_name,
        )


class State(TypedDict):
    """The lifespan's state: ASGI puts it into `scope["state"]` of every request."""

    services: Services


async def services(request: Request) -> Services:
    own: Services = request.state.services
    return own


ServicesDep = Annotated[Services, Depends(services)]
