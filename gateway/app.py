"""Assemble the whole application: services, middleware and routes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TYPE_CHECKING

from fastapi import FastAPI
from pydantic import SecretStr
from starlette.middleware.cors import CORSMiddleware

from gateway.api.error_handlers import HANDLERS
from gateway.audit.trail import Trail
from gateway.auth.gate import Gate
from gateway.auth.key_guard import end_withdrawn
from gateway.cluster.state import cluster_state
from gateway.endpoints import add_routes, needs_of
from gateway.engine.client import EngineClient
from gateway.engine.watch import EngineWatch
from gateway.feedback.entry import CATEGORIES, SEVERITIES
from gateway.feedback.opening import open_desk
from gateway.hold import hold
from gateway.hold.guard import HoldGuard
from gateway.http.client_tls import ClientTls
from gateway.limits.admission import AdmissionQueue
from gateway.limits.memory_budget import MemoryBudget
from gateway.limits.rate_limiter import LocalRateLimiter
from gateway.middleware import Access, Correlation
from gateway.model_card.operator_file import load_operator_file
from gateway.observability.logs import RequestLog
from gateway.observability.metrics import Metrics
from gateway.observability.tracing import open_tracing
from gateway.openapi import describe
from gateway.record import Observer, release_limits
from gateway.routes import api_docs, console
from gateway.runtime.background import Background, Task
from gateway.runtime.heavy_work import HeavyWork
from gateway.safety.disclaimer import (
    Disclaimer,
    contacts_of,
    disclaimer_of,
    emergency_note_of,
    wording_of,
)
from gateway.safety.labels import GATEWAY_VERSION, Labels, signing_key_of
from gateway.safety.red_flags.screening import Screener
from gateway.safety.wording import Wording
from gateway.services import Services, State
from gateway.settings.answering import answering
from gateway.settings.gateway import GatewaySettings
from gateway.vault.vault import Vault

if TYPE_CHECKING:
    from gateway.feedback.desk import FeedbackDesk
    from gateway.observability.spans import SpanTracing

# Headers of a response that a page of another origin may read.
EXPOSED_HEADERS = (
    *("X-Request-Id", "X-MMHIE-Disclaimer-Version", "X-MMHIE-AI-Generated", "X-MMHIE-Notices"),
    *("Retry-After", "WWW-Authenticate"),
)

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[State]]


def create_app(settings: GatewaySettings) -> FastAPI:
    """Return the gateway as an ASGI application, whose lifespan opens the services."""
    disclaimer = disclaimer_of(settings)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[State]:
        async with open_services(settings, disclaimer) as services:
            app.state.services = services
            yield {"services": services}

    app = FastAPI(
        title="Medical reasoning service",
        version=GATEWAY_VERSION,
        lifespan=lifespan,
        exception_handlers=HANDLERS,
        docs_url=None,  # served by routes/api_docs.py
        redoc_url=None,
        redirect_slashes=False,  # one spelling per path; a redirect would trust the Host header
    )
    add_layers(app, settings, disclaimer)
    add_routes(app)
    app.include_router(console.make_router(settings, disclaimer, emergency_note_of(settings)))
    if settings.env != "production":
        app.include_router(api_docs.make_router())
    describe(app, max_tokens=settings.max_tokens)
    return app


def add_layers(app: FastAPI, settings: GatewaySettings, disclaimer: Disclaimer) -> None:
    """Wrap the routes in middleware, the innermost first."""
    app.add_middleware(Access)
    app.add_middleware(
        Correlation,
        disclaimer_version=disclaimer.version,
        wording=wording_of(settings),
    )
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "HEAD", "POST"),
            allow_headers=("*",),
            expose_headers=EXPOSED_HEADERS,
        )


@contextlib.asynccontextmanager
async def open_services(
    settings: GatewaySettings, disclaimer: Disclaimer
) -> AsyncIterator[Services]:
    """Start the services, and stop them when the application ends."""
    services = build_services(settings, disclaimer)
    if services.trail is not None:
        services.trail.start()
    tasks = start_background_tasks(services)
    try:
        await services.shared.wait_for_first_attempt()
        await services.watch.wait_for_first_probe()
        yield services
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        services.heavy.close()
        for client in {services.engine, *services.metered}:
            await client.aclose()
        for service in (services.feedback, services.trail, services.tracing, services.vault):
            if service is not None:
                service.stop()


def start_background_tasks(services: Services) -> list[asyncio.Task[None]]:
    gate, hold = services.gate, services.hold
    runs: dict[Task, Callable[[], Awaitable[None]]] = {
        "engine": services.watch.run,
        "keys": gate.run,
        "shared": services.shared.run,
        "hold": hold.run,
        "withdrawals": partial(end_withdrawn, hold.running, gate.still_admits),
    }
    if services.vault is not None:
        runs["vault"] = services.vault.run
    keep = services.background.keep
    return [asyncio.create_task(keep(name, run)) for name, run in runs.items()]


def build_services(settings: GatewaySettings, disclaimer: Disclaimer) -> Services:
    """Build the services that routes and pipeline use, without starting them."""
    metrics, limiter = Metrics(), LocalRateLimiter()
    shared = cluster_state(settings, limiter)
    engine, *metered = build_engine_clients(settings)
    trail = Trail.of(settings, metrics.count_fed)
    tracing = open_tracing(settings)
    labels = Labels.of(
        disclaimer,
        emergency_note_of(settings),
        reveal(settings.digest_key),
        signing_key_of(settings),
    )
    feedback = open_desk(settings)
    if feedback is not None:
        metrics.start_feedback(CATEGORIES, SEVERITIES)
    words = wording_of(settings)
    return Services(
        settings=settings,
        engine=engine,
        metered=tuple(metered) or (engine,),
        watch=EngineWatch(engine, settings.phase_file, settings.engine_health_path),
        admission=AdmissionQueue.of(settings),
        labels=labels,
        screener=build_screener(settings, words),
        metrics=metrics,
        hold=HoldGuard(
            hold.watch(settings.hold_file),
            (lambda: shared.operator.hold) if shared.store is not None else None,
            partial(hold.downtime_message, wording=words, contact=settings.disclaimer_contact),
        ),
        gate=Gate.of(
            settings,
            shared.limiter,
            shared.operator.revoked,
            needs_of(settings),
        ),
        memory=MemoryBudget.of(settings),
        trail=trail,
        vault=Vault.of(settings, metrics.vault_alarm),
        feedback=feedback,
        tracing=tracing,
        shared=shared,
        background=Background(metrics.count_failure),
        heavy=HeavyWork(),
        operator_card=load_operator_file(settings),
        answering=answering(settings),
        observers=list_observers(metrics, feedback, trail, tracing),
    )


def build_engine_clients(settings: GatewaySettings) -> list[EngineClient]:
    """Return the client of the engine, or of a router followed by the engines behind it.

    `/metrics` then shows the engines' metrics instead of the router's.
    """
    key, tls = reveal(settings.engine_api_key), ClientTls(settings.client_tls)
    urls = (settings.engine_url, *settings.engine_urls)
    return [EngineClient(url, key=key, tls=tls) for url in urls]


def build_screener(settings: GatewaySettings, words: Wording) -> Screener:
    """Build the screener, which finds red flags and words the notices."""
    return Screener.of(
        words,
        audience=settings.audience,
        contacts=contacts_of(settings),
        threshold=settings.notice_threshold,
    )


def reveal(setting: SecretStr | None) -> str | None:
    return setting.get_secret_value() if setting else None


def list_observers(
    metrics: Metrics,
    feedback: "FeedbackDesk | None",
    trail: Trail | None,
    tracing: "SpanTracing | None",
) -> tuple[Observer, ...]:
    """Return the functions that are called in turn with the record of a finished request."""
    optional = [observer.observe for observer in (tracing, trail, feedback) if observer is not None]
    return (release_limits, metrics.observe, *optional, RequestLog().observe)
