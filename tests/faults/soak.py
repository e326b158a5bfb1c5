"""Two gateways over Redis under load and blows; each text is compared whole (`make soak`).

Callers ask on every surface without a pause. Meanwhile a gateway is killed, Redis is stopped and
killed, the model is held, a key and the trails are rotated. Some callers leave, some read slowly.
"""

import argparse
import asyncio
import itertools
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import httpx2
import orjson
import psutil

from gateway.audit.file import AuditFile
from gateway.principal import PrincipalLimits
from tests.command import mmhie
from tests.contract.process import Gateway, free_ports
from tests.contract.surfaces import SURFACES, Surface
from tests.fake_engine.process import FakeEngine
from tests.faults.soak_texts import CUT, ENDS_AT, VOCABULARY, WHOLE, arrived, sent
from tests.gateway.audit.conftest import KEY, trail_settings
from tests.gateway.auth.conftest import add_key, bearer
from tests.gateway.cluster.server import RedisServer
from tests.waiting import until

CALLERS: Final = 40
LONGEST: Final = 60  # tokens
STUCK_S: Final = 90.0
SETTLED_S: Final = 3.0  # until gateways have read keys or lost a connection
LIMITS = {"MMHIE_MAX_INFLIGHT": "32", "MMHIE_MAX_QUEUE": "8"}
KEYS = {"ward": PrincipalLimits(), "few": PrincipalLimits(concurrency=16)}
DIFFERING, STUCK, LOST, KILLED = "differing", "stuck", "lost", "lost at a kill"
HABITS = {"stay": 90, "leave": 5, "dawdle": 5}


class Site:
    """Engine, Redis, a gateway, and one that is killed."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        options = ("--vocabulary", VOCABULARY, "--length", str(ENDS_AT), "--token-delay", "0.005")
        self.engine = stack.enter_context(FakeEngine(*options).wait())
        self.redis = RedisServer(folder)
        stack.callback(self.redis.kill)
        file = folder / "keys.json"
        scopes = ("generate", "openai")
        self.secrets = {name: add_key(file, name, *scopes, limits=KEYS[name]) for name in KEYS}
        self.ports = free_ports(2)
        self.trails = [folder / f"audit-{number}.jsonl" for number in range(2)]
        self.gateways = [self.begin(0), self.begin(1)]
        stack.callback(self.stop)
        self.kills: list[float] = []

    def settings(self, number: int) -> dict[str, str]:
        files = {"MMHIE_KEYS_FILE": "keys.json", "MMHIE_HOLD_FILE": "hold.json"}
        own = {"MMHIE_PORT": str(self.ports[number]), **trail_settings(self.trails[number])}
        return {**files, **own, "MMHIE_REDIS_URL": self.redis.url}

    def begin(self, number: int) -> Gateway:
        return Gateway(self.folder, self.engine.url, **LIMITS, **self.settings(number)).wait()

    def stop(self) -> None:
        for gateway in self.gateways:
            gateway.stop()

    async def operate(self, *command: str) -> str:
        """Run `mmhie`; return its output, or raise AssertionError."""
        urls = " ".join(f"http://127.0.0.1:{port}" for port in self.ports)
        run = partial(mmhie, self.folder, *command, MMHIE_URL=urls, **self.settings(0))
        done = await asyncio.to_thread(run)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout.strip()

    def was_killed_since(self, began: float) -> bool:
        return bool(self.kills) and self.kills[-1] >= began - SETTLED_S

    def memory_mb(self) -> int:
        """Return the memory of the gateway that lives."""
        return int(psutil.Process(self.gateways[0].child.pid).memory_info().rss) // 2**20


async def kill_a_gateway(site: Site) -> None:
    site.kills.append(time.monotonic())
    site.gateways[1].child.kill()
    await asyncio.sleep(1)
    site.gateways[1].exit_code()
    site.gateways[1].client.close()
    site.gateways[1] = await asyncio.to_thread(site.begin, 1)


async def stop_redis(site: Site) -> None:
    site.redis.signal(signal.SIGSTOP)
    await asyncio.sleep(SETTLED_S)
    site.redis.signal(signal.SIGCONT)


async def kill_redis(site: Site) -> None:
    site.redis.kill()
    await asyncio.sleep(SETTLED_S)
    await asyncio.to_thread(site.redis.start)


async def hold(site: Site, *options: str) -> None:
    await site.operate("hold", "--reason", "soak", *options)
    await site.operate("release")


async def hold_now(site: Site) -> None:
    await hold(site, "--now")


async def rotate_a_key(site: Site) -> None:
    secret = await site.operate("keys", "new", "--name", "ward", "--rotate", "5m")
    await asyncio.sleep(SETTLED_S)
    site.secrets["ward"] = secret


async def rotate_the_trails(site: Site) -> None:
    for trail in site.trails:
        AuditFile(trail, key=KEY, rotate_bytes=1).append([{"kind": "soak"}])


async def cut_packets(site: Site) -> None:
    for size in range(1, 9):
        site.engine.next(fault="split", size=size, times=3)


BLOWS: tuple[Callable[[Site], Awaitable[None]], ...] = (
    rotate_the_trails,
    cut_packets,
    rotate_a_key,
    hold,
    kill_a_gateway,
    hold_now,
    stop_redis,
    kill_redis,
)


@dataclass
class Crowd:
    """Callers who ask until the time is over; `outcomes` counts their requests."""

    site: Site
    chance: random.Random
    is_over: bool = False
    compared: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def ask_on(self) -> None:
        """Ask without a pause, but for a moment after a refusal."""
        async with httpx2.AsyncClient(timeout=None, trust_env=False) as client:
            while not self.is_over:
                outcome = await self.ask(client)
                self.outcomes[outcome] += 1
                await asyncio.sleep(0 if outcome == WHOLE else 0.2)

    async def ask(self, client: httpx2.AsyncClient) -> str:
        """Return the outcome of one request."""
        surface, tokens = self.chance.choice(SURFACES), self.chance.randint(1, LONGEST)
        prompt, number = f"Question {next(self.numbers)}: what is it?", self.chance.randrange(2)
        asked = surface.body(prompt, **surface.limit(tokens))
        key = bearer(self.chance.choice([*self.site.secrets.values()]))
        url = f"http://127.0.0.1:{self.site.ports[number]}{surface.path}"
        request = client.build_request("POST", url, json=asked, headers={**surface.headers, **key})
        began, content = time.monotonic(), bytearray()
        try:
            async with asyncio.timeout(STUCK_S):
                status, end = await self.read(client, request, content)
        except TimeoutError:
            return STUCK
        except httpx2.ConnectError:
            return "no connection"
        except httpx2.TransportError as error:
            status, end = 200, self.blame(number, began, error)
        if status != 200:
            return f"refused: {status} {orjson.loads(content)['error']['code']}"
        return self.compare(surface, bytes(content), sent(surface, prompt, tokens), end)

    def counts(self) -> list[str]:
        """Return the counts, a line each."""
        both = {"requests": self.outcomes.total(), "texts compared": self.compared}
        ends = dict(self.outcomes.most_common())
        return [f"{count:7,} {name}" for name, count in {**both, **ends}.items()]

    def blame(self, number: int, began: float, error: httpx2.TransportError) -> str:
        """Return whether a connection broke as its gateway was killed."""
        if number == 1 and self.site.was_killed_since(began):
            return KILLED
        self.examples.append(f"{error!r} at gateway {number}")
        return LOST

    async def read(
        self, client: httpx2.AsyncClient, request: httpx2.Request, content: bytearray
    ) -> tuple[int, str]:
        """Read a response as people do; return its status, and whether they left."""
        (habit,) = self.chance.choices([*HABITS], [*HABITS.values()])
        response = await client.send(request, stream=True)
        try:
            async for part in response.aiter_raw():
                content += part
                if habit == "leave" and response.status_code == 200:
                    return 200, "left"
                await asyncio.sleep(0.05 if habit == "dawdle" else 0)
        finally:
            await response.aclose()
        return response.status_code, ""

    def compare(self, surface: Surface, content: bytes, wanted: str, end: str) -> str:
        """Return how an answer ended; `differing` unless its text is the engine's so far."""
        if end and surface.form == "json":
            return end
        self.compared += 1
        text, told = arrived(surface, content)
        if end and surface.form == "text" and told == CUT:
            text = text[: len(wanted)]  # what follows is a part of the closing lines
        if text == wanted if told == WHOLE else wanted.startswith(text):
            return end or (told if told in {WHOLE, CUT} else f"interrupted: {told}")
        self.examples.append(f"{surface.name}: {wanted!r} became {text!r}")
        return DIFFERING


async def strike(site: Site, ends: float) -> Counter[str]:
    """One blow after the other until the time is over, each once at least; return their counts."""
    blows: Counter[str] = Counter()
    while time.monotonic() < ends or len(blows) < len(BLOWS):
        blow = BLOWS[blows.total() % len(BLOWS)]
        await blow(site)
        blows[blow.__name__] += 1
        await asyncio.sleep(SETTLED_S)
    return blows


async def soak(site: Site, seconds: float) -> Crowd:
    """Let callers ask for so long, while the site is struck; print the counts."""
    crowd = Crowd(site, random.Random(7))
    asking = [asyncio.create_task(crowd.ask_on()) for _ in range(CALLERS)]
    await asyncio.sleep(SETTLED_S)
    before = site.memory_mb()
    blows = await strike(site, time.monotonic() + seconds)
    crowd.is_over = True
    await asyncio.gather(*asking)
    await asyncio.to_thread(until, lambda: site.engine.stats["running"] == 0)
    verified = await site.operate("audit", "verify")
    memory = f"memory: {before} MB, then {site.memory_mb()} MB"
    lines = [*crowd.counts(), f"blows: {dict(blows)}", memory, verified, *crowd.examples[:5]]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return crowd


def is_sound(crowd: Crowd) -> bool:
    """Return whether nothing is lost but at a kill, nothing stuck, and no text another."""
    return crowd.outcomes[WHOLE] > 0 and not {DIFFERING, STUCK, LOST, CUT} & crowd.outcomes.keys()


def main() -> int:
    """Return 0 if all is well."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak")
    parser.add_argument("--seconds", type=float, default=480)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        return 0 if is_sound(asyncio.run(soak(Site(Path(folder), stack), seconds))) else 1


if __name__ == "__main__":
    sys.exit(main())
