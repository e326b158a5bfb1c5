"""The client that the commands share: this machine, its proxies and its certificates."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.errors import SettingsError
from launcher.terminal.api_client import ApiClient, ServiceError, is_here
from tests.gateway.server.certificates import Authority
from tests.https_server import https_server


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A hospital's own."""
    return Authority(tmp_path, "hospital")


@pytest.fixture
def url(authority: Authority) -> Iterator[str]:
    """A service of HTTPS on this machine."""
    with https_server(authority) as url:
        yield url


def phase(url: str) -> object:
    client = ApiClient(url)
    try:
        return client.get("/readyz")["phase"]
    finally:
        client.close()


def test_a_hospitals_own_authority(
    url: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named once in the environment; without it, the sentence says so."""
    with pytest.raises(ServiceError, match="not trusted: name its authority's file"):
        phase(url)

    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    assert phase(url) == "ready"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SSL_CERT_FILE", "/none", "SSL_CERT_FILE or SSL_CERT_DIR cannot be read"),
        ("HTTP_PROXY", "socks5://127.0.0.1:9", "speaks SOCKS"),
    ],
)
def test_an_environment_that_does_not_fit(
    variable: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invalid input, no fault of the program."""
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError, match=said):
        phase("http://model.invalid")


@pytest.mark.parametrize(
    ("host", "here"),
    [
        *dict.fromkeys(
            ("localhost", "localhost.", "a.localhost", "127.0.0.2", "0.0.0.0"), True
        ).items(),
        *dict.fromkeys(("::1", "::ffff:127.0.0.1"), True).items(),
        *dict.fromkeys(("10.0.0.1", "notlocalhost", "localhost.org", ""), False).items(),
    ],
)
def test_this_machine_is_known_by_all_its_names(host: str, here: bool) -> None:
    """No proxy hears a question for it."""
    assert is_here(host) == here
