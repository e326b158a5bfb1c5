"""Limits that several workers exceed are named at the start."""

from pathlib import Path

from gateway.principal import PrincipalLimits
from gateway.processes.small_limits import small_limits
from gateway.settings.gateway import GatewaySettings
from tests.gateway.auth.conftest import add_key


def test_each_limit_below_the_number_of_workers_is_named(tmp_path: Path) -> None:
    """Settings and keys; what divides, is unlimited or admits nothing is not named."""
    file = tmp_path / "keys.json"
    add_key(
        file, "ward", "generate", limits=PrincipalLimits(concurrency=3, requests_per_minute=100)
    )
    add_key(file, "wide", "generate", limits=PrincipalLimits(concurrency=4))
    add_key(file, "free", "generate")
    settings = GatewaySettings(
        workers=4, max_inflight=3, max_queue=0, client_tokens_per_minute=2, keys_file=file
    )

    names = ["MMHIE_MAX_INFLIGHT", "MMHIE_CLIENT_TOKENS_PER_MINUTE", "the key ward"]
    assert small_limits(settings) == names


def test_clients_are_counted_exactly_with_redis(tmp_path: Path) -> None:
    """Only slots and queue are divided there."""
    file = tmp_path / "keys.json"
    add_key(file, "ward", "generate", limits=PrincipalLimits(concurrency=1))
    settings = GatewaySettings(
        workers=4, max_queue=2, keys_file=file, redis_url="redis://127.0.0.1"
    )

    assert small_limits(settings) == ["MMHIE_MAX_QUEUE"]
