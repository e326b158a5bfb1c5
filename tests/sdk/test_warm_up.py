"""`warm_up`: waits while waiting helps, and says why when it does not."""

import mmhie
import pytest
from mmhie import _client

from tests.sdk.conftest import Connect, Serve
from tests.sdk.scripted_server import JSON_ANSWER, Script, drop, hang, reply


def phase(name: str, status: int = 503, detail: str = "Half of it.") -> Script:
    return reply({"phase": name, "detail": detail}, status=status)


def test_it_waits_for_a_model_that_is_loading(serve: Serve, connect_both: Connect) -> None:
    """Then the first question is answered on the connection that is there."""
    server = serve(phase("loading"), phase("ready", 200), reply(JSON_ANSWER))
    client = connect_both(server.url)
    client.warm_up()

    assert client.generate("How?") == "Rest and fluids."
    assert [seen.path for seen in server.requests] == ["/readyz", "/readyz", "/llm/generate"]


@pytest.mark.parametrize(
    "script",
    [drop, reply(b"<html>", status=502), hang],
    ids=["a port without a server behind it", "a proxy", "a lost host"],
)
def test_it_waits_for_a_server_behind_something(
    serve: Serve, connect: Connect, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy or a published port is there before the server that it leads to."""
    monkeypatch.setattr(_client, "LONGEST_POLL_SECONDS", 1.5)
    server = serve(script, phase("ready", 200))
    connect(server.url).warm_up()

    assert [seen.path for seen in server.requests] == ["/readyz", "/readyz"]


@pytest.fixture
def no_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next poll would come after the time of a test is over."""
    monkeypatch.setattr(_client, "POLL_SECONDS", 60.0)


@pytest.mark.usefixtures("no_second_look")
@pytest.mark.parametrize(
    ("script", "kind", "expected", "limit"),
    [
        (phase("loading"), mmhie.UnavailableError, r"loading\). Half of it", [30.0]),
        (phase("held", detail="Out of service."), mmhie.UnavailableError, "Out of service", []),
        (reply({"detail": "Not Found"}, status=404), mmhie.RequestError, "MMHIE_URL", []),
        (None, mmhie.ConnectionFailedError, "cannot", [30.0]),
    ],
    ids=["not ready in time", "held", "another service", "nobody in time"],
)
def test_it_says_why_it_gives_up(
    serve: Serve,
    connect: Connect,
    script: Script | None,
    kind: type[mmhie.MMHIEError],
    expected: str,
    limit: list[float],
) -> None:
    """Waiting helps while a model loads or a server starts, not with a hold or a wrong address."""
    client = connect(serve(script).url if script else "http://127.0.0.1:9")

    with pytest.raises(kind, match=expected):
        client.warm_up(*limit)
