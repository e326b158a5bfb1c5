"""Phases of running gateways, from their /healthz and from Redis."""

import time
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

import httpx2

from gateway.cluster import RedisUnavailable
from gateway.cluster.operator_state import read_shared_phases
from gateway.settings.base import local_url
from gateway.settings.gateway import GatewaySettings

TIMEOUT_S = 2.0
PATIENCE_S = 3.0  # a gateway reads its file four times a second, and Redis once
PAUSE_S = 0.1
AWAY = "not reachable"
Phases = Mapping[str, frozenset[str]]  # by address


def phases_of(
    settings: GatewaySettings, urls: Sequence[str], expected: Callable[[frozenset[str]], bool]
) -> Phases:
    """Wait until the gateways are in the expected phases, a few seconds at most; return the phases.

    The gateways are those at `urls`, else the one on this machine, and all that share its Redis."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        phases = read_phases(settings, urls)
        is_done = all(AWAY in phase or expected(phase) for phase in phases.values())
        if is_done or time.monotonic() > deadline:
            return phases
        time.sleep(PAUSE_S)


def read_phases(settings: GatewaySettings, urls: Sequence[str]) -> Phases:
    own = local_url(settings.host, settings.port, has_tls=settings.tls_certificate is not None)
    try:
        shared = read_shared_phases(settings)
    except RedisUnavailable:
        shared = {}
    phases = {url: frozenset({phase_at(url)}) for url in urls or [own]}
    if shared and not urls and AWAY in phases[own]:  # the operator's machine has no gateway
        return shared
    return {**phases, **shared}


def phase_at(url: str) -> str:
    try:
        parts = urlsplit(url)
        path = parts.path if parts.scheme == "unix" else None
        # Not verified: the certificate is for another name, and no secret is sent.
        transport = httpx2.HTTPTransport(uds=path, verify=False, trust_env=False)
        with httpx2.Client(transport=transport, timeout=TIMEOUT_S) as client:
            base = "http://gateway" if path else url.rstrip("/")
            return str(client.get(f"{base}/healthz").json()["phase"])
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, KeyError, TypeError):
        return AWAY


def describe_phases(phases: Phases) -> str:
    """Return the phases as part of a sentence."""
    return ", ".join(f"{url} is {' and '.join(sorted(phase))}" for url, phase in phases.items())
