"""The machine's clock is set by a day, either way, under open requests.

How long something lasts goes by a clock that only ever counts on: time-outs and rates. What has a
date goes by the wall clock: when a token ends.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2
import pytest

from gateway.principal import PrincipalLimits
from tests.contract.process import Gateway
from tests.contract.surfaces import JSON, SSE, Surface, error_of, name_of
from tests.fake_engine.process import FakeEngine
from tests.faults.clock import LIBRARY, REASON, WallClock
from tests.gateway.auth.conftest import Signer, add_key, bearer, jwks_settings
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not LIBRARY, reason=REASON)]

DAY_S = 86400
JUMPS = pytest.mark.parametrize("jump", [DAY_S, -DAY_S], ids=["forward", "back"])
TIMEOUT_S = 3.0
PER_MINUTE = 3


class Shifted:
    """A gateway with keys and tokens, the clock it goes by, and the engine behind it."""

    def __init__(self, folder: Path) -> None:
        self.clock = WallClock(folder)
        self.keys = folder / "keys.json"
        self.signer = Signer.ec()
        self.headers = bearer(add_key(self.keys, "ward-7", "generate", "openai"))
        self.engine = FakeEngine("--token-delay", "0.005").wait()
        self.gateway = Gateway(
            folder,
            self.engine.url,
            **self.clock.environ,
            **jwks_settings(folder, self.signer),
            MMHIE_KEYS_FILE=str(self.keys),
            MMHIE_TIMEOUT_SECONDS=str(TIMEOUT_S),
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
