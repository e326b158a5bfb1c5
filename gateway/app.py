"""The whole application, put together in one place."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from prometheus_fastapi_instrumentator import Instrumentator

from gateway.audit.trail import trail_of
from gateway.auth.cors import CorsPolicy
from gateway.auth.gate import Gate
from gateway.cluster.state import cluster_state
from gateway.engine.client import EngineClient
from gateway.engine.watch import EngineWatch
from gateway.error_handlers import HANDLERS
from gateway.http_metrics import HttpMetrics
from gateway.limits.quotas import Quotas, local_quotas
from gateway.metrics import Metrics
from gateway.middleware.authentication import Authentication
from gateway.middleware.correlation import Correlation
from gateway.middleware.token_paths import TokenPaths, TokenRoute
from gateway.openapi import describe
from gateway.proxy.request_policy import RequestPolicy
from gateway.routes import (
    console,
    embeddings,
    generate,
    health,
    load,
    metrics,
    model_card,
    models,
    openai,
)
from gateway.safety import hold
from gateway.safety.disclaimer import Disclaimer
from gateway.safety.labels import GATEWAY_VERSION, Labels
from gateway.services import Services, State
from gateway.settings import GatewaySettings
from gateway.tracing.setup import tracing_of

ROUTERS = (
    health.router,
    metrics.router,
    load.router,
    models.router,
    model_card.router,
    embeddings.router,
)
TOKEN_ROUTES: dict[str, TokenRoute] = {
    generate.PATH: generate.generate,
    **{path: openai.PassThrough(path) for path in openai.PATHS},
}


def create_app(
    settings: GatewaySettings, *, quotas: Quotas | None = None, metrics: Metrics | None = None
) -> FastAPI:
    """The gateway as an ASGI application; nothing is opened before its lifespan.

    One of several workers brings the `quotas` and `metrics` that it shares with the others.
    """
    own = metrics or Metrics()
    disclaimer = Disclaimer.of(
        settings.disclaimer_text, settings.disclaimer_contact, settings.disclaimer_language
    )

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[State]:
        async with open_services(settings, disclaimer, own, quotas) as services:
            app.state.services = services
            yield {"services": services}

    app = FastAPI(
        title="Medical reasoning service",
        version=GATEWAY_VERSION,
        lifespan=lifespan,
        exception_handlers=HANDLERS,
        redoc_url=None,
        redirect_slashes=False,  # one path, one spelling; a redirect would trust the Host header
    )
    for router in ROUTERS:
        app.include_router(router)
    if settings.console:
        app.include_router(console.router_of(settings, disclaimer))
    describe(app)
    origins = CorsPolicy.of(settings.cors_origins) if settings.cors_origins else None
    add_middleware(app, own, disclaimer, origins)
    return app


def add_middleware(
    app: FastAPI, own: Metrics, disclaimer: Disclaimer, origins: CorsPolicy | None
) -> None:
    """The onion, innermost first: HTTP metrics, keys, the token paths past both, the id.

    All but the first go around the framework's own stack: a token path does not pass it.
    """
    http = HttpMetrics(own.registry)
    Instrumentator(registry=own.registry).add(http.of_framework).instrument(app)
    framework = Authentication(app.build_middleware_stack())
    paths = TokenPaths(framework, routes=TOKEN_ROUTES, metrics=own, http=http)
    app.middleware_stack = Correlation(
        paths, disclaimer_version=disclaimer.version, origins=origins
    )


@contextlib.asynccontextmanager
async def open_services(
    settings: GatewaySettings, disclaimer: Disclaimer, own: Metrics, quotas: Quotas | None
) -> AsyncIterator[Services]:
    """What lives as long as the application."""
    quotas = quotas or local_quotas(settings)
    shared = cluster_state(settings, quotas.limiter, own.shared_failing.set)
    key = settings.engine_api_key
    digest_key = settings.digest_key
    secret = key.get_secret_value() if key else None
    engine = EngineClient(settings.engine_url, key=secret)
    metered = tuple(EngineClient(url, key=secret) for url in settings.engine_metrics_urls)
    metered = metered or (engine,)
    watch = EngineWatch(engine, settings.phase_file, settings.engine_health_path)
    services = Services(
        settings=settings,
        engine=engine,
        metered=metered,
        watch=watch,
        admission=quotas.admission,
        labels=Labels.of(
            disclaimer,
            key=digest_key.get_secret_value() if digest_key else None,
            emergency_contact=settings.emergency_contact,
            languages=settings.notice_languages,
        ),
        metrics=own,
        hold_file=hold.watch(settings.hold_file),
        gate=Gate.of(settings, shared.limiter, shared.revoked),
        caps=RequestPolicy.of(settings),
        trail=trail_of(settings, own.audit_alarm),
        tracing=tracing_of(settings),
        shared=shared,
    )
    services.trail.start()
    running = (watch.run(), services.gate.run(), shared.run())
    watching = [asyncio.create_task(one) for one in running]
    try:
        await shared.wait_for_first_attempt()
        yield services
    finally:
        for task in watching:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for client in {engine, *metered}:
            await client.aclose()
        services.trail.stop()
        if services.tracing is not None:
            services.tracing.stop()
