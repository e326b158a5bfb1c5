"""Slots at the engine, from outside: held to the end of a body, given by class, never lost."""

import json
import threading

import httpx2

from tests.contract.fixtures import Start, StartEngine
from tests.contract.process import Gateway
from tests.contract.surfaces import CHAT_JSON, CHAT_SSE, STREAMS, WHOLES, Surface, refusal_of
from tests.fake_engine.process import FakeEngine
from tests.gateway.counts import counted
from tests.waiting import PATIENCE_S, until

QUEUED = "mmhie_queued_requests "


def test_a_slot_is_held_until_the_body_ends(start: Start, engine: FakeEngine) -> None:
    """Not until the first byte: the engine works on until the last."""
    gateway = start(engine.url, MMHIE_MAX_INFLIGHT="1", MMHIE_MAX_QUEUE="0").wait()
    for surface in STREAMS:
        engine.next(fault="gated")
        with surface.stream(gateway.client, **surface.limit(6)) as answer:
            parts = answer.iter_raw()  # its end would be the response's
            next(parts)
            refused = CHAT_JSON.ask(gateway.client)
        assert refusal_of(refused) == (429, "too_busy"), surface
        assert int(refused.headers["retry-after"]) >= 1
        until(lambda: CHAT_JSON.ask(gateway.client).status_code == 200)


def test_a_batch_waits_behind_the_same_callers_other_requests(
    start: Start, start_engine: StartEngine
) -> None:
    """No other key is needed: a request says that it can wait, on any path."""
    engine = start_engine()
    gateway = start(engine.url, MMHIE_MAX_INFLIGHT="1").wait()
    engine.next({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.1})
    threads: list[threading.Thread] = []
    with CHAT_SSE.stream(gateway.client) as first:
        parts = first.iter_raw()  # its end would be the response's
        next(parts)
        for name in ("batch", "routine"):
            for surface in WHOLES:
                said = {"x-mmhie-priority": name}
                threads.append(asking(gateway, f"{name}-{surface.name}", said, surface))
                until(lambda: counted(gateway, QUEUED) == len(threads))
    for thread in threads:
        thread.join()

    paths = {surface.path for surface in WHOLES}
    questions = [request for request in engine.seen() if request["path"] in paths]
    classes = [request["headers"]["x-request-id"].split("-")[0] for request in questions]
    assert classes[1:] == ["routine"] * len(WHOLES) + ["batch"] * len(WHOLES)


def asking(
    gateway: Gateway, name: str, headers: dict[str, str], surface: Surface = CHAT_JSON
) -> threading.Thread:
    """A request of that id, on its way."""

    def ask() -> None:
        with httpx2.Client(base_url=gateway.url, timeout=PATIENCE_S, trust_env=False) as client:
            sent = {"x-request-id": name, **headers}
            answer = client.post(surface.path, json=surface.body(), headers=sent)
            assert answer.status_code == 200, json.dumps(answer.json())

    thread = threading.Thread(target=ask)
    thread.start()
    return thread
