"""The machine's clock is set by a day, either way, under open requests.

How long something lasts goes by a clock that only ever counts on: time-outs, rates, waiting. What
has a date goes by the wall clock: when a key or a token ends, when an entry was written.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.audit.verify import verify
from gateway.principal import PrincipalLimits
from tests.contract.process import Gateway
from tests.contract.surfaces import JSON, SSE, Surface, error_of, events, name_of
from tests.fake_engine.process import FakeEngine
from tests.faults.clock import LIBRARY, REASON, WallClock
from tests.gateway.audit.conftest import KEY, lines, trail_settings
from tests.gateway.auth.conftest import Signer, add_key, bearer, jwks_settings
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not LIBRARY, reason=REASON)]

DAY_S = 86400
JUMPS = pytest.mark.parametrize("jump", [DAY_S, -DAY_S], ids=["forward", "back"])
TIMEOUT_S = 3.0
QUEUE_S = 2.0
JUMPED_AT = 6  # the event at which it jumps
PER_MINUTE = 3


class Shifted:
    """A gateway with keys, tokens and a trail, the clock it goes by, and the engine behind it."""

    def __init__(self, folder: Path) -> None:
        self.clock = WallClock(folder)
        self.trail = folder / "audit.jsonl"
        self.keys = folder / "keys.json"
        self.signer = Signer.ec()
        self.headers = bearer(add_key(self.keys, "ward-7", "generate", "openai"))
        self.engine = FakeEngine("--token-delay", "0.005").wait()
        self.gateway = Gateway(
            folder,
            self.engine.url,
            **self.clock.environ,
            **jwks_settings(folder, self.signer),
            **trail_settings(self.trail),
            MMHIE_KEYS_FILE=str(self.keys),
            MMHIE_TIMEOUT_SECONDS=str(TIMEOUT_S),
            MMHIE_MAX_INFLIGHT="2",
            MMHIE_QUEUE_TIMEOUT_SECONDS=str(QUEUE_S),
        ).wait()

    def ask(self, headers: Mapping[str, str], surface: Surface = JSON) -> httpx2.Response:
        headers = {**surface.headers, **headers}
        return self.gateway.client.post(surface.path, json=surface.body(), headers=headers)

    def until_known(self, headers: dict[str, str]) -> None:
        """Ask until a new key is found, which takes a second or two; once, it is answered."""
        until(lambda: self.ask(headers).status_code != 401)

    def stop(self) -> None:
        self.gateway.stop()
        self.engine.stop()


@pytest.fixture(scope="module")
def the_shifted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shifted]:
    shifted = Shifted(tmp_path_factory.mktemp("clock"))
    yield shifted
    shifted.stop()


@pytest.fixture
def shifted(the_shifted: Shifted) -> Iterator[Shifted]:
    """The true time before each test and after it."""
    the_shifted.engine.reset()
    yield the_shifted
    the_shifted.clock.jump(0)


@JUMPS
def test_an_open_stream_goes_on(shifted: Shifted, jump: int) -> None:
    """And so does the connection that is kept after it."""
    body = b""
    asked: dict[str, Any] = {"json": SSE.body(), "headers": shifted.headers}
    with shifted.gateway.client.stream("POST", SSE.path, **asked) as answer:
        for number, part in enumerate(answer.iter_bytes()):
            body += part
            if number == JUMPED_AT:
                shifted.clock.jump(jump)

    *_, last, done = events(body)
    assert done == "[DONE]"
    assert last["finish_reason"]
    assert shifted.ask(shifted.headers).status_code == 200


@JUMPS
@pytest.mark.parametrize("surface", [JSON, SSE], ids=name_of)
def test_a_silent_engine_is_given_up_in_time(shifted: Shifted, jump: int, surface: Surface) -> None:
    """Neither at once nor in a day, for which the client would not wait."""
    shifted.engine.next(fault="hang_midstream")
    threading.Timer(0.3, shifted.clock.jump, [jump]).start()
    began = time.monotonic()
    answer = shifted.ask(shifted.headers, surface)
    seconds = time.monotonic() - began

    assert b"engine_timeout" in answer.content
    assert seconds >= TIMEOUT_S * 0.9


@JUMPS
def test_waiting_ends_in_time(shifted: Shifted, jump: int) -> None:
    """A queue that does not move: 503 after two seconds, with a sensible Retry-After."""
    shifted.engine.next(fault="endless", times=2)
    asked: dict[str, Any] = {"json": SSE.body(), "headers": shifted.headers}
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(shifted.gateway.client.stream("POST", SSE.path, **asked))
        threading.Timer(0.3, shifted.clock.jump, [jump]).start()
        began = time.monotonic()
        answer = shifted.ask(shifted.headers)
        seconds = time.monotonic() - began

    assert error_of(answer)["code"] == "queue_timeout"
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert seconds >= QUEUE_S * 0.9


@JUMPS
def test_a_rate_is_a_rate(shifted: Shifted, jump: int) -> None:
    """A used up minute is over when it is over, whatever the clock on the wall says."""
    limits = PrincipalLimits(requests_per_minute=PER_MINUTE)
    headers = bearer(add_key(shifted.keys, f"rate{jump}", "generate", limits=limits))
    shifted.until_known(headers)
    used = [shifted.ask(headers).status_code for _ in range(PER_MINUTE - 1)]
    shifted.clock.jump(jump)
    answer = shifted.ask(headers)

    assert used == [200] * (PER_MINUTE - 1)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_a_key_ends_by_the_date(shifted: Shifted) -> None:
    """It has ended tomorrow, and has not when the clock is set right again."""
    headers = bearer(add_key(shifted.keys, "short", "generate", expires=time.time() + 600))
    shifted.until_known(headers)
    statuses = []
    for jump in (DAY_S, 0, -DAY_S):
        shifted.clock.jump(jump)
        statuses.append(shifted.ask(headers).status_code)

    assert statuses == [401, 200, 200]


def test_a_token_ends_by_the_date(shifted: Shifted) -> None:
    """One that was seen before, too; and none is good before its beginning."""
    now = int(time.time())
    known, fresh, late = (
        bearer(shifted.signer.sign(exp=now + 600, jti=name)) for name in ("a", "b", "c")
    )
    begun = bearer(shifted.signer.sign(nbf=now - 60, exp=now + 600))
    assert shifted.ask(known).status_code == 200
    shifted.clock.jump(DAY_S)
    tomorrow = [shifted.ask(token) for token in (known, fresh)]
    shifted.clock.jump(-DAY_S)
    yesterday = [shifted.ask(token).status_code for token in (late, begun)]
    shifted.clock.jump(0)

    assert [answer.status_code for answer in tomorrow] == [401, 401]
    assert all("expired" in error_of(answer)["message"] for answer in tomorrow)
    assert yesterday == [200, 401]
    assert shifted.ask(known).status_code == 200


def test_the_trail_has_the_dates_and_holds(shifted: Shifted) -> None:
    """An entry says what the clock said; the order is the chain's, and it verifies."""
    asked = {}
    for name, jump in (("tomorrow", DAY_S), ("yesterday", -DAY_S), ("today", 0)):
        shifted.clock.jump(jump)
        shifted.ask({**shifted.headers, "x-request-id": f"clock-{name}"})
        asked[f"clock-{name}"] = jump
        written(shifted, set(asked))  # an entry is made just after the answer has left
    told = written(shifted, set(asked))

    assert [line["caller_request_id"] for line in told] == list(asked)
    for line in told:
        off_s = datetime.fromisoformat(line["time"]).timestamp() - datetime.now(UTC).timestamp()
        assert abs(off_s - asked[line["caller_request_id"]]) < DAY_S / 2
        assert 0 <= line["ms"] < DAY_S * 500
    assert not verify(shifted.trail, key=KEY).findings


def written(shifted: Shifted, ids: set[str]) -> list[dict[str, Any]]:
    """These requests' entries, as soon as all are there."""

    def told() -> list[dict[str, Any]]:
        return [line for line in lines(shifted.trail) if line.get("caller_request_id") in ids]

    until(lambda: len(told()) == len(ids))
    return told()
