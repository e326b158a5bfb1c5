"""Signals: a drain is no fault, others do nothing; keys are read again without one."""

import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from gateway.auth import keys
from tests.contract.fixtures import Start
from tests.contract.process import Gateway
from tests.contract.surfaces import JSON, SSE, STREAMS, events
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key, bearer
from tests.waiting import until

OTHERS = (
    *(signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2),
    *(signal.SIGALRM, signal.SIGVTALRM, signal.SIGIO),
)


def test_keys_are_read_again(start: Start, engine: FakeEngine, tmp_path: Path) -> None:
    """A key that was revoked is refused, and a new one accepted."""
    file = tmp_path / "keys.json"
    before = bearer(add_key(file, "before", "generate"))
    gateway = start(engine.url, MMHIE_KEYS_FILE=str(file)).wait()
    ask = asking(gateway)
    assert ask(before) == 200
    keys.write(file, [])
    after = bearer(add_key(file, "after", "generate"))
    until(lambda: ask(after) == 200)

    assert {(ask(before), ask(after)) for _ in range(4)} == {(401, 200)}


def asking(gateway: Gateway) -> Callable[[dict[str, str]], int]:
    """Ask, over a connection of its own each time."""

    def ask(headers: dict[str, str]) -> int:
        closing = {**headers, "connection": "close"}
        return gateway.client.post("/llm/generate", json=JSON.body(), headers=closing).status_code

    return ask


def test_others_do_nothing(start: Start, engine: FakeEngine) -> None:
    """Neither to the gateway nor to a stream."""
    gateway = start(engine.url).wait()
    engine.next(fault="gated")
    with SSE.stream(gateway.client) as told:
        engine.until(lambda stats: stats["running"] == 1)
        for number in OTHERS:
            gateway.signal(number)
        engine.release(1000)
        assert b"[DONE]" in told.read()

    gateway.signal()
    assert gateway.exit_code() == 0


def test_a_drain_is_no_fault(start: Start, engine: FakeEngine) -> None:
    """Streams that outlive the grace have their last words, the engine's work on them is aborted,
    and the log has no stack trace."""
    gateway = start(engine.url, MMHIE_DRAIN_SECONDS="0.5").wait()
    with ExitStack() as opened:
        begun = []
        for surface in STREAMS[:3]:
            engine.next({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.01})
            parts = opened.enter_context(surface.stream(gateway.client)).iter_raw()
            begun.append((next(parts), parts))
        gateway.signal()
        contents = [first + b"".join(parts) for first, parts in begun]

    assert all(b"This gateway is stopping" in content for content in contents)
    *_, last, done = events(contents[2])
    assert (last["error"]["code"], done) == ("draining", "[DONE]")
    engine.until(lambda stats: stats["aborted"] == 3)
    assert gateway.exit_code() == 0
    assert '"outcome":"draining"' in gateway.log
    for words in ("Exception in ASGI application", '"exception":', "Traceback", "without comp"):
        assert words not in gateway.log
