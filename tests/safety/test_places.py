"""Every cell of the table: what it names is there, on the real gateway and in real clients."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import mmhie
import openai
import pytest

from gateway.principal import PrincipalLimits
from requirements import programs
from tests.contract.fixtures import Start, StartEngine
from tests.contract.process import Gateway
from tests.contract.surfaces import SURFACES as WIRE
from tests.contract.surfaces import Surface, events
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key
from tests.safety.places import ITEMS, OUTCOMES, PROGRAMS, SURFACES, places
from tests.safety.programs import terminal
from tests.safety.programs.console import Console
from tests.waiting import until

pytestmark = pytest.mark.filterwarnings("ignore::mmhie.MedicalTextWarning")

EMERGENCY = "I have crushing chest pain."
TURNS: Any = [{"role": "user", "content": EMERGENCY}]
NOTICE = re.compile("Red flag in the prompt")
NOTE = "This is not an emergency detector. In an emergency call the ward's emergency number."
DISCLAIMER = re.compile("Model outputs are not clinical advice|^Not clinical advice", re.MULTILINE)
CUT = re.compile(r"in_answer|\[cut off|cut off at the token limit|^length$")
ORIGIN = re.compile("prompt_digest|Digest of the question|[(]fake-model, 20")
ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HOLD = {"reason": "drift", "by": "ops", "since": "2026-01-01T00:00:00Z"}
WIRES = {surface.name: surface for surface in WIRE}
Held = dict[str, Any]  # what a client holds, by the first word of a place
Ask = Callable[[str], Held]
SLOW = {"fault": "slow_tokens", "seconds": 0.02}
TOO_LONG = f"{'And then? ' * 3000}{EMERGENCY}"


class Site:
    """A gateway in a state in which an outcome is certain."""

    def __init__(self, gateway: Gateway, engine: FakeEngine, secret: str) -> None:
        self.gateway = gateway
        self.engine = engine
        self.secret = secret
        gateway.client.headers["authorization"] = f"Bearer {secret}"

    def ask(self, name: str, outcome: str) -> Held:
        """Ask on one surface; what its client then holds."""
        if name in WIRES:
            return self._wire(WIRES[name], outcome)
        more = {"cut": {"max_tokens": 3}, "refused": REFUSED[name]}.get(outcome, {})
        return self._client(name, dict(more), outcome)

    def _wire(self, surface: Surface, outcome: str) -> Held:
        if outcome == "stopped":
            return self._left(surface)
        more = {"cut": surface.limit(3), "refused": {"n": 99}}.get(outcome, {})
        return held(surface, surface.ask(self.gateway.client, EMERGENCY, **more))

    def _left(self, surface: Surface) -> Held:
        with surface.stream(self.gateway.client, EMERGENCY) as answer:
            begun = next(answer.iter_bytes())
        told = events(begun) if surface.form == "sse" else [{}]
        return {"header": answer.headers, "first": told[0]}

    def _client(self, name: str, more: dict[str, Any], outcome: str) -> Held:
        try:
            return {"value": CLIENTS[name](self, outcome, more)}
        except (mmhie.MMHIEError, openai.APIStatusError) as error:
            return {"error": error}

    @property
    def config(self) -> mmhie.LLMConfig:
        return mmhie.LLMConfig(url=self.gateway.url, api_key=self.secret)


Client = Callable[[Site, str, dict[str, Any]], object]


def sdk(method: str) -> Client:
    """Ask by one of the methods of the SDK; of a stream the first piece, or the last."""

    def ask(site: Site, outcome: str, more: dict[str, Any]) -> object:
        with mmhie.MedicalReasoningLLM(site.config, max_retries=0) as llm:
            answer = getattr(llm, method)(SAID[method], **more)
            if method != "stream_generate":
                return answer
            return next(answer) if outcome == "stopped" else list(answer)[-1]

    return ask


def openai_chat(site: Site, _: str, more: dict[str, Any]) -> object:
    with openai.OpenAI(
        base_url=f"{site.gateway.url}/v1", api_key=site.secret, max_retries=0
    ) as client:
        return client.chat.completions.create(model="fake-model", messages=TURNS, **more)


REFUSED: dict[str, dict[str, Any]] = {
    "SDK generate": {"temperature": 9.0},
    "SDK stream_generate": {"temperature": 9.0},
    "SDK chat": {"max_tokens": 0},
    "openai client": {"n": 99},
}
SAID = {"generate": EMERGENCY, "stream_generate": EMERGENCY, "chat": TURNS}
CLIENTS: dict[str, Client] = {
    **{f"SDK {method}": sdk(method) for method in SAID},
    "openai client": openai_chat,
}


def held(surface: Surface, answer: httpx2.Response) -> Held:
    """The parts of a whole response that a client of the wire holds."""
    if answer.status_code != 200 or surface.form == "json":
        return {"header": answer.headers, "body": answer.json()}
    if surface.form == "text":
        return {"header": answer.headers, "text": answer.text}
    told = [event for event in events(answer.content) if event != "[DONE]"]
    labelled = [event for event in told if "mmhie" in json.dumps(event)]
    return {"header": answer.headers, "first": told[0], "last": labelled[-1]}


@pytest.fixture
def site(start: Start, start_engine: StartEngine, tmp_path: Path, outcome: str) -> Iterator[Site]:
    """The gateway in which this outcome is certain."""
    file = tmp_path / "keys.json"
    rate = 1 if outcome == "rate-limited" else None
    limits = PrincipalLimits(requests_per_minute=rate)
    secret = add_key(file, "one", "generate", "openai", limits=limits)
    settings = {"MMHIE_KEYS_FILE": str(file), "MMHIE_HOLD_FILE": str(tmp_path / "hold.json")}
    engine = start_engine()
    settings |= FULL if outcome == "queue full" else {}
    gateway = start(engine.url, **settings).wait()
    with prepared(Site(gateway, engine, secret), outcome, tmp_path) as made:
        yield made


FULL = {"MMHIE_MAX_INFLIGHT": "1", "MMHIE_MAX_QUEUE": "1", "MMHIE_QUEUE_TIMEOUT_SECONDS": "0.2"}


@contextmanager
def prepared(site: Site, outcome: str, folder: Path) -> Iterator[Site]:
    """Bring the outcome about."""
    gateway, engine = site.gateway, site.engine
    if outcome == "held":
        (folder / "hold.json").write_text(json.dumps(HOLD))
        until(lambda: gateway.client.get("/healthz").json()["phase"] == "held")
    elif outcome == "engine dead":
        engine.stop()
        until(lambda: gateway.client.get("/healthz").json()["phase"] == "engine_down")
    elif outcome == "rate-limited":
        WIRE[0].ask(gateway.client)
    if outcome != "queue full":
        yield site
        return
    engine.next(fault="gated")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(WIRE[0].ask, gateway.client)
        engine.until(lambda stats: stats["running"] == 1)
        yield site
        engine.release(1000)
        waiting.result()


def look(held: Held, place: str) -> object:
    """Follow a place into what a client holds; KeyError or AttributeError where it is not there."""
    first, _, rest = place.partition(".")
    content = held[first]
    for name in rest.split(".") if rest else ():
        content = content[name] if hasattr(content, "keys") else getattr(content, name)
    return content


def is_right(item: str, found: object, outcome: str) -> bool:
    """Return whether this is the item's content, not merely something."""
    text = found if isinstance(found, str) else json.dumps(found, default=str)
    return {
        "disclaimer": lambda: (
            bool(DISCLAIMER.search(text)) or text.removeprefix("Safety notice ") == "1.0.0"
        ),
        "emergency note": lambda: NOTE in text,
        "notices": lambda: bool(NOTICE.search(text)) or text == "MED101",
        "truncation": lambda: bool(CUT.search(text)) == (outcome == "cut"),
        "provenance": lambda: bool(ORIGIN.search(text)),
        "request id": lambda: bool(ID.search(text)),
    }[item]()


def check(names: Iterable[str], outcome: str, ask: Ask) -> None:
    """Find every cell of these surfaces where the table says."""
    for name in names:
        cells = dict(zip(ITEMS, places(name, outcome), strict=True))
        if not any(cells.values()):
            continue
        client = ask(name)
        for item, place in cells.items():
            if place:
                content = look(client, place)
                assert is_right(item, content, outcome), (name, item, place, content)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_each_place_holds_what_the_table_says(site: Site, outcome: str) -> None:
    """On every surface; the page in docs is written from the same table."""
    check(SURFACES.keys() - PROGRAMS, outcome, partial(site.ask, outcome=outcome))


class Programs:
    """The programs, started once."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def ask(self, name: str, site: Site, outcome: str, folder: Path) -> Held:
        """Ask in one program; what its user then holds."""
        leaves, url, key = outcome == "stopped", site.gateway.url, site.secret
        if leaves:
            site.engine.next({"fault": "say", "tokens": ["Rest. "] * 5000}, SLOW)
        if name == "console":
            prompt = TOO_LONG if outcome == "refused" else EMERGENCY
            limit = 3 if outcome == "cut" else None
            return self._console.ask(url, key, prompt, leaves=leaves, max_tokens=limit)
        limits = {"cut": ("--max-tokens", "3"), "refused": ("--max-tokens", "1000000")}
        options = limits.get(outcome, ())
        return terminal.ask(folder, url, key, EMERGENCY, leaves=leaves, options=options)


@pytest.fixture(scope="module")
def programs_in_use() -> Iterator[Programs]:
    """A browser, and `mmhie chat`."""
    if lacking := programs.reason("chromium"):
        pytest.skip(lacking)
    with closing(Console()) as console:
        yield Programs(console)


@pytest.mark.slow
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_each_place_in_a_program(
    site: Site, programs_in_use: Programs, outcome: str, tmp_path: Path
) -> None:
    """Readers of the console and of `mmhie chat` see it there."""
    ask = partial(programs_in_use.ask, site=site, outcome=outcome, folder=tmp_path)
    check(PROGRAMS, outcome, ask)
