"""`warm_up`: waits while waiting helps, and says why when it does not."""

from typing import Any

import mmhie
import pytest

from tests.sdk.conftest import Connect, Serve
from tests.sdk.scripted_server import JSON_ANSWER, Script, reply


def phase(name: str, status: int = 503, detail: str = "Half of it.") -> Script:
    return reply({"phase": name, "detail": detail}, status=status)


def test_it_waits_for_a_model_that_is_loading(serve: Serve, connect: Connect) -> None:
    """Then the first question is answered on the connection that is there."""
    server = serve(phase("loading"), phase("ready", 200), reply(JSON_ANSWER))
    client: Any = connect(server.url)
    warm(client)

    assert client.generate("How?") == "Rest and fluids."
    assert [seen.path for seen in server.requests] == ["/readyz", "/readyz", "/llm/generate"]


def test_it_says_what_it_waited_for(serve: Serve, connect: Connect) -> None:
    """The phase and the gateway's own sentence."""
    client: Any = connect(serve(phase("loading")).url)

    with pytest.raises(mmhie.EngineUnavailableError, match=r"loading\). Half of it"):
        warm(client, 1.0)


def test_a_hold_is_told_at_once(serve: Serve, connect: Connect) -> None:
    """It ends when a person says so."""
    client: Any = connect(serve(phase("held", detail="Out of service.")).url)

    with pytest.raises(mmhie.HeldError, match="Out of service"):
        warm(client)


def test_what_is_not_the_gateway_is_told_at_once(serve: Serve, connect: Connect) -> None:
    """A wrong address is not waited for."""
    client: Any = connect(serve(reply({"detail": "Not Found"}, status=404)).url)

    with pytest.raises(mmhie.NotFoundError):
        warm(client)


def test_nobody_there_is_waited_for(connect: Connect) -> None:
    """A server that is about to start; not for ever."""
    client: Any = connect("http://127.0.0.1:9")

    with pytest.raises(mmhie.ConnectionFailedError):
        warm(client, 1.0)


def warm(client: Any, *limits: float) -> None:
    """Of either client."""
    if hasattr(client, "llm"):
        client.runner.run(client.llm.warm_up(*limits))
    else:
        client.warm_up(*limits)
