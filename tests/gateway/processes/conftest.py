"""Gateways of several workers in front of one fake engine."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Protocol, Self

import orjson
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.principal import PrincipalLimits
from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key, bearer
from tests.waiting import PATIENCE_S, until

ASK = orjson.dumps({"prompt": "Why?", "max_tokens": 24})
STREAM = orjson.dumps({"prompt": "Why?", "max_tokens": 24, "stream": True})
NO_HEADERS: Mapping[str, str] = {}
LONG_STREAM = orjson.dumps({"prompt": "Why?", "max_tokens": 500, "stream": True})


class Start(Protocol):
    """Type of the fixture `start`."""

    def __call__(self, *, workers: int = 2, **settings: str) -> "Several": ...


class Several(Gateway):
    """A gateway whose children are its workers."""

    def pids(self) -> set[int]:
        """The workers now."""
        return workers_of(self.child.pid)

    def wait(self, path: str = "/readyz") -> Self:
        super().wait(path)
        return self

    def settled(self, workers: int) -> Self:
        """Return once all workers serve."""
        until(lambda: self.log.count("a worker is ready") == workers)
        assert len(self.pids()) == workers
        return self

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def connect_to(self, pid: int) -> HTTPConnection:
        """Connect until this worker is the one that accepts."""
        while True:
            connection = self.connect()
            connection.connect()
            until(lambda made=connection: owner_of(made, {pid, *self.pids()}))  # type: ignore[misc] # bound now
            if owner_of(connection, {pid}):
                return connection
            connection.close()

    def at(self, pid: int, headers: Mapping[str, str] = NO_HEADERS, *, times: int = 1) -> list[int]:
        """The statuses of so many questions to this worker."""
        with closing(self.connect_to(pid)) as connection:
            return [answer_over(connection, headers)[0] for _ in range(times)]

    def ask(self, headers: Mapping[str, str] = NO_HEADERS) -> int:
        """The status of one question over a connection of its own."""
        return self.whole(headers)[0]

    def whole(self, headers: Mapping[str, str] = NO_HEADERS) -> tuple[int, Any]:
        """Status and object of one answer over a connection of its own."""
        with closing(self.connect()) as connection:
            return answer_over(connection, headers)

    def metric(self, name: str) -> float:
        """The sum of one sample of a scrape over a connection of its own."""
        with closing(self.connect()) as connection:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        families = text_string_to_metric_families(text)
        all_samples = [sample for family in families for sample in family.samples]
        samples = [sample for sample in all_samples if sample.name == name]
        assert all("pid" not in sample.labels for sample in samples), samples
        return sum(sample.value for sample in samples)


def workers_of(supervisor: int) -> set[int]:
    """The workers among a supervisor's children, of which Python's resource tracker is one, too."""
    children = psutil.Process(supervisor).children()
    return {child.pid for child in children if is_worker(child)}


def is_worker(process: psutil.Process) -> bool:
    try:
        return any("spawn_main" in word for word in process.cmdline())
    except psutil.Error:  # it has ended meanwhile
        return False


def answer_over(connection: HTTPConnection, headers: Mapping[str, str]) -> tuple[int, Any]:
    """Status and object of one answer over a connection."""
    connection.request("POST", "/llm/generate", ASK, dict(headers))
    answer = connection.getresponse()
    return answer.status, orjson.loads(answer.read())


def ports_of(pid: int) -> set[int]:
    """The callers' ports of a process's connections."""
    connections = psutil.Process(pid).net_connections("inet")
    return {connection.raddr.port for connection in connections if connection.raddr}


def owner_of(connection: HTTPConnection, pids: set[int]) -> int | None:
    """The worker among these that has accepted a connection."""
    port = connection.sock.getsockname()[1]
    return next((pid for pid in pids if port in ports_of(pid)), None)


def begin_together(number: int, act: Callable[[], Any]) -> list[Future[Any]]:
    """Begin something many times at once."""
    pool = ThreadPoolExecutor(number)
    return [pool.submit(act) for _ in range(number)]


@pytest.fixture(scope="module")
def the_engine() -> Iterator[FakeEngine]:
    with FakeEngine().wait() as engine:
        yield engine


@pytest.fixture
def engine(the_engine: FakeEngine) -> FakeEngine:
    """The fake engine, its memory wiped."""
    the_engine.reset()
    the_engine.options(token_delay=0.0)
    return the_engine


@pytest.fixture
def start(engine: FakeEngine, tmp_path: Path) -> Iterator[Start]:
    """Start gateways; whatever is left of them at the end is ended."""
    with ExitStack() as stack:

        def begin(*, workers: int = 2, **settings: str) -> Several:
            gateway = Several(tmp_path, engine.url, MMHIE_WORKERS=str(workers), **settings)
            stack.callback(end, gateway)
            return gateway.wait().settled(workers)

        yield begin


@pytest.fixture(scope="module")
def the_four(the_engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Four"]:
    folder = tmp_path_factory.mktemp("four")
    four = Four(folder, the_engine.url).wait().settled(4)
    yield four
    end(four)


@pytest.fixture
def four(the_four: "Four", engine: FakeEngine) -> "Four":
    """The gateway of four workers that gentle tests share; nothing is left of the last one."""
    until(lambda: the_four.metric("mmhie_inflight_requests") == 0)
    return the_four


class Four(Several):
    """Four workers with a slot each and room for three to wait, and keys of several kinds."""

    KEYS: Mapping[str, Any] = {
        "ward": {},
        "rate": {"limits": PrincipalLimits(requests_per_minute=10)},
        "tokens": {"limits": PrincipalLimits(tokens_per_minute=240)},
    }

    def __init__(self, folder: Path, engine_url: str) -> None:
        file = folder / "keys.json"
        secrets = {name: add_key(file, name, "generate", **key) for name, key in self.KEYS.items()}
        self.bearers = {name: bearer(secret) for name, secret in secrets.items()}
        limits = {"MMHIE_WORKERS": "4", "MMHIE_MAX_INFLIGHT": "4", "MMHIE_MAX_QUEUE": "12"}
        limits["MMHIE_QUEUE_TIMEOUT_SECONDS"] = str(PATIENCE_S)
        super().__init__(folder, engine_url, MMHIE_KEYS_FILE=str(file), **limits)

    def of(self, name: str) -> int:
        """The status of one question with that key."""
        return self.ask(self.bearers[name])


def end(gateway: Several) -> None:
    """Stop it as an operator does, and see that nobody is left."""
    pids = gateway.pids() if gateway.child.poll() is None else set()
    gateway.client.close()
    gateway.signal(signal.SIGTERM)
    assert gateway.exit_code() in (0, -signal.SIGKILL)
    left = [pid for pid in pids if psutil.pid_exists(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left or gateway.exit_code() == -signal.SIGKILL
