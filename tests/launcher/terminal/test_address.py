"""The service that `chat` and `status` talk to, where no --url is given."""

from pathlib import Path

import pytest

from launcher.terminal.address import access_key, open_client

SECRET = "k" * 20


@pytest.mark.parametrize(
    ("given", "lines", "url"),
    [
        (None, (), "http://127.0.0.1:8000"),
        (None, ("MMHIE_PORT=8123", "MMHIE_HOST=0.0.0.0"), "http://127.0.0.1:8123"),
        ("http://given:2", ("MMHIE_PORT=8123", "MMHIE_URL=http://other:1"), "http://given:2"),
        (None, ("MMHIE_PORT=none",), "http://127.0.0.1:8000"),
    ],
)
def test_the_address(
    given: str | None,
    lines: tuple[str, ...],
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The option, MMHIE_URL, the gateway of these settings, in `.env` as in the environment."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("\n".join((*lines, f"MMHIE_API_KEY={SECRET}")))
    client = open_client(given, None)

    assert client.url == url
    assert client._client.headers["authorization"] == f"Bearer {SECRET}"
    assert (access_key(None), access_key("given")) == (SECRET, "given")
    client.close()
