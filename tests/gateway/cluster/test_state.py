"""From settings to what is shared; without a Redis nothing is, and nothing of it is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cluster import state
from gateway.cluster.redis_store import RedisAddress
from gateway.settings import gateway as settings
from tests.contract.process import ROOT

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "redis://host",
        "redis://:p%40ss@host:6380/3",
        "rediss://user:pass@[::1]:6379",
        "unix:/run/redis.sock",
        "unix:///run/redis.sock",
    ],
)
def test_addresses(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """A server or a socket."""
    monkeypatch.setenv("MMHIE_REDIS_URL", url)
    address = RedisAddress.of(settings.load())

    assert address.url in (url, "unix:///run/redis.sock")
    address.connection()


@pytest.mark.parametrize(
    "url",
    [
        f"http://:{SECRET}@host",
        f"redis://:{SECRET}@",
        f"redis://:{SECRET}@host:0",
        f"redis://:{SECRET}@host:x",
        f"redis://:{SECRET}@host/db",
        f"rediss://:{SECRET}@host?ssl_cert_reqs=none",
        f"{SECRET}@host",
        "unix:",
    ],
)
def test_what_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """In a sentence that repeats no password."""
    monkeypatch.setenv("MMHIE_REDIS_URL", url)
    with pytest.raises(
        settings.SettingsError, match="MMHIE_REDIS_URL is not valid: it must be"
    ) as told:
        settings.load()

    assert SECRET not in str(told.value)


def test_an_authority_needs_tls_and_certificates(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A missing part is reported before anything listens."""
    monkeypatch.setenv("MMHIE_REDIS_URL", "redis://host")
    monkeypatch.setenv("MMHIE_REDIS_CA", str(tmp_path / "ca.pem"))
    with pytest.raises(settings.SettingsError, match="with rediss://"):
        settings.load()
    monkeypatch.setenv("MMHIE_REDIS_URL", "rediss://host")
    chosen = settings.load()
    with pytest.raises(settings.SettingsError, match="it cannot be read as certificates"):
        state.check(chosen)
    (tmp_path / "ca.pem").write_text("nonsense")
    with pytest.raises(settings.SettingsError, match="it cannot be read as certificates"):
        state.check(chosen)


def test_without_one_its_library_is_not_loaded() -> None:
    """Nor by the command line."""
    program = (
        "import sys; from gateway.settings.gateway import GatewaySettings; from gateway.app import "
        "create_app; import gateway.cli.hold, gateway.cli.keys; "
        "create_app(GatewaySettings()); sys.exit('redis' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(ROOT)})

    assert done.returncode == 0
