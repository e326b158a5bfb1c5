"""The address of the shared Redis, from the settings."""

import pytest

from gateway.cluster.redis_store import RedisAddress
from gateway.settings.gateway import load
from tests.contract.fixtures import Refusal

SECRET = "hunter2"


@pytest.mark.parametrize(
    "url",
    [
        "redis://:p%40ss@host:6380/3",
        "rediss://user:pass@[::1]:6379",
        "unix:/run/redis.sock",
    ],
)
def test_addresses(url: str) -> None:
    """A server or a socket."""
    address = RedisAddress.of(load({"MMHIE_REDIS_URL": url}, None))

    assert address.url in (url, "unix:///run/redis.sock")
    address.connection()


@pytest.mark.parametrize(
    "url",
    [
        f"http://:{SECRET}@host",
        f"redis://:{SECRET}@",
        f"redis://:{SECRET}@host:x",
        f"redis://:{SECRET}@host/db",
        f"rediss://:{SECRET}@host?ssl_cert_reqs=none",
        "unix:",
    ],
)
def test_what_is_none_stops_the_start(refusal: Refusal, url: str) -> None:
    """In a sentence that repeats no password."""
    told = refusal(MMHIE_REDIS_URL=url)

    assert "MMHIE_REDIS_URL is not valid: it must be" in told
    assert SECRET not in told
