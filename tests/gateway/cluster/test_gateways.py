"""Two gateways in front of one engine and one real Redis."""

import contextlib
import json
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from gateway.cluster.operator_state import read_shared_phases
from gateway.principal import PrincipalLimits
from gateway.settings.gateway import load
from launcher.cli import app
from tests.contract.fixtures import Start
from tests.contract.process import Gateway, free_port
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key, bearer
from tests.gateway.cluster.conftest import StartRedis
from tests.gateway.cluster.server import RedisServer
from tests.gateway.server.certificates import Authority
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.slow

ASK = {"prompt": "Why?", "max_tokens": 8}
ALONE = "limits are counted by each gateway alone"
FAILING = "mmhie_shared_state_failing"
KEYS = {
    "ward": PrincipalLimits(),
    "rate": PrincipalLimits(requests_per_minute=10),
    "tokens": PrincipalLimits(tokens_per_minute=10),
    "slots": PrincipalLimits(concurrency=2),
    "leaked": PrincipalLimits(),
    "wide": PrincipalLimits(concurrency=1000),
}


class Site:
    """Two gateways whose keys files are the same and not shared."""

    def __init__(self, folder: Path, engine: FakeEngine, redis_url: str, **settings: str) -> None:
        self.folder = folder
        self.secrets = {
            name: add_key(folder / "keys.json", name, "generate", limits=limits)
            for name, limits in KEYS.items()
        }
        self.settings = {"MMHIE_REDIS_URL": redis_url, **settings}
        self.gateways = [self.begin(engine, "here"), self.begin(engine, "there")]
        for gateway in self.gateways:
            gateway.wait("/healthz")

    def begin(self, engine: FakeEngine, name: str) -> Gateway:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "keys.json").write_bytes((self.folder / "keys.json").read_bytes())
        files = {"MMHIE_KEYS_FILE": "keys.json", "MMHIE_HOLD_FILE": "hold.json"}
        return Gateway(folder, engine.url, **files, **self.settings)

    def ask(self, gateway: Gateway, name: str) -> httpx2.Response:
        """One question over a connection of its own."""
        with httpx2.Client(base_url=gateway.url, timeout=PATIENCE_S, trust_env=False) as client:
            return client.post("/llm/generate", json=ASK, headers=bearer(self.secrets[name]))

    @contextlib.contextmanager
    def stream(self, gateway: Gateway, name: str) -> Iterator[httpx2.Response]:
        """A streamed answer that its caller leaves at the end."""
        asked = {**ASK, "max_tokens": 500, "stream": True}
        with (
            httpx2.Client(base_url=gateway.url, timeout=PATIENCE_S, trust_env=False) as client,
            client.stream(
                "POST", "/llm/generate", json=asked, headers=bearer(self.secrets[name])
            ) as answer,
        ):
            yield answer

    def statuses(self, name: str) -> list[int]:
        return [self.ask(gateway, name).status_code for gateway in self.gateways]

    def everybody(self, name: str, *statuses: int) -> bool:
        """Return whether each gateway answers so."""
        return all(self.statuses(name) == list(statuses) for _ in range(8))

    def settle(self) -> None:
        """Return once every gateway has found the engine."""
        until(lambda: self.everybody("ward", 200, 200))

    def stop(self) -> None:
        for gateway in self.gateways:
            assert gateway.stop() == 0, gateway.log


@pytest.fixture(scope="module")
def the_site(
    the_engine: FakeEngine, the_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"), the_engine, the_redis.url)
    yield made
    made.stop()


@pytest.fixture
def site(the_site: Site, engine: FakeEngine) -> Site:
    """The two that gentle tests share."""
    the_site.settle()
    return the_site


@pytest.fixture
def operate(site: Site, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`mmhie` on the machine of the first gateway; the exit code."""
    monkeypatch.chdir(site.folder / "here")
    files = {"MMHIE_KEYS_FILE": "keys.json", "MMHIE_HOLD_FILE": "hold.json"}
    for name, value in (site.settings | files).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, names_them: bool = True) -> int:
        urls = " ".join(gateway.url for gateway in site.gateways)
        if names_them:
            monkeypatch.setenv("MMHIE_URL", urls)
        else:
            monkeypatch.delenv("MMHIE_URL", raising=False)
            monkeypatch.setenv("MMHIE_PORT", str(free_port()))
        with pytest.raises(SystemExit) as ended:
            app.run(app.build_command_line(), list(arguments))
        return int(ended.value.code or 0)

    return run


def count_in_logs(site: Site, event: str) -> int:
    """The number of lines of an event that the gateways have logged."""
    return sum(gateway.log.count(event) for gateway in site.gateways)


def metric(gateway: Gateway, name: str) -> float:
    lines = gateway.client.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(name + " ")).split()[1])


@pytest.mark.gate
def test_requests_a_minute(site: Site) -> None:
    """Ten in all, of thirty at once at two gateways."""
    with ThreadPoolExecutor(10) as pool:
        came = list(pool.map(lambda number: site.ask(site.gateways[number % 2], "rate"), range(30)))

    statuses = Counter(answer.status_code for answer in came)
    assert statuses == {200: 10, 429: 20}
    assert all(
        int(answer.headers["retry-after"]) > 50 for answer in came if answer.status_code == 429
    )


@pytest.mark.gate
def test_a_hold(site: Site, operate: Callable[..., int], engine: FakeEngine) -> None:
    """Reaches everybody, outlives a restart, is ended the same way."""
    assert operate("hold", "--reason", "wrong adapter") == 0
    until(lambda: site.everybody("ward", 503, 503))
    refused = site.ask(site.gateways[1], "ward").json()["error"]
    assert refused["code"] == "held"
    assert "wrong adapter" in refused["message"]
    site.gateways[0].stop()
    site.gateways[0] = site.begin(engine, "here").wait("/healthz")
    assert site.ask(site.gateways[0], "ward").status_code == 503
    assert site.gateways[0].client.get("/readyz").json()["phase"] == "held"
    assert not (site.folder / "here" / "hold.json").exists()

    assert operate("release") == 0
    until(lambda: site.everybody("ward", 200, 200))


def test_who_confirms_is_named(
    site: Site, operate: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Every gateway that shares the Redis, where none is named and none is on this machine; one
    that says nothing any more is told apart, and then not all have confirmed."""
    here, there = (f"{socket.gethostname()}:{gateway.port}" for gateway in site.gateways)
    until(lambda: set(read_shared_phases(load())) == {here, there})

    def shown(*words: str) -> tuple[int, dict[str, list[str]]]:
        capsys.readouterr()
        code = operate(*words, "--json", names_them=False)
        out, err = capsys.readouterr()
        assert ("may still answer" in err) == (code == 1)
        return code, json.loads(out)["gateways"]

    assert shown("hold", "--reason", "x") == (0, {here: ["held"], there: ["held"]})
    assert shown("release") == (0, {here: ["ready"], there: ["ready"]})
    site.gateways[0].signal(signal.SIGSTOP)
    try:
        until(lambda: read_shared_phases(load())[here] == {"silent"})
        assert shown("hold", "--reason", "x") == (1, {here: ["silent"], there: ["held"]})
    finally:
        site.gateways[0].signal(signal.SIGCONT)
    assert shown("release")[0] == 0
    until(lambda: site.everybody("ward", 200, 200))


def test_a_hold_ends_what_runs_at_both(
    site: Site, operate: Callable[..., int], engine: FakeEngine
) -> None:
    """A stream at each ends with an error that names the hold; a second hold may say so first."""
    for _ in site.gateways:
        engine.next({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.1})
    with ExitStack() as open_ones:
        streams = [
            open_ones.enter_context(site.stream(gateway, "ward")) for gateway in site.gateways
        ]
        assert operate("hold", "--reason", "wrong adapter") == 0
        assert operate("hold", "--reason", "another", "--now") == 0
        ended = [stream.read().decode() for stream in streams]

    assert all('"code":"held"' in text and "another" in text for text in ended)
    assert operate("release") == 0
    until(lambda: site.everybody("ward", 200, 200))


def test_a_revoked_key(
    site: Site, operate: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ends everywhere, whatever the other gateway's file says, and nobody can replace it."""
    assert site.statuses("leaked") == [200, 200]
    assert operate("keys", "revoke", "leaked") == 0
    until(lambda: site.everybody("leaked", 401, 401))
    assert '"revoked":null' in (site.folder / "there" / "keys.json").read_text()
    assert site.statuses("ward") == [200, 200]
    monkeypatch.chdir(site.folder / "there")
    assert operate("keys", "new", "--name", "leaked", "--rotate", "1h") == 2


@pytest.mark.gate
def test_redis_goes_away_and_comes_back(
    tmp_path: Path, engine: FakeEngine, start_redis: StartRedis
) -> None:
    """Killed or hung, every request is answered, without waiting for Redis to come back; it is
    told, each gateway counts alone, and all is as before by itself."""
    redis = start_redis()
    site = Site(tmp_path, engine, redis.url)
    site.settle()
    ways: list[tuple[Callable[[], None], Callable[[], None]]] = [
        (redis.kill, redis.start),
        (lambda: redis.signal(signal.SIGSTOP), lambda: redis.signal(signal.SIGCONT)),
    ]
    for away, back in ways:
        away()
        assert site.everybody("wide", 200, 200)
        for gateway in site.gateways:
            until(lambda of=gateway: metric(of, FAILING) == 1)  # type: ignore[misc] # mypy infers no lambda with a default
            until(lambda of=gateway: ALONE in of.client.get("/healthz").text)  # type: ignore[misc] # the same
        back()
        for gateway in site.gateways:
            until(lambda of=gateway: metric(of, FAILING) == 0)  # type: ignore[misc] # the same
    with ThreadPoolExecutor(10) as pool:
        came = list(pool.map(lambda number: site.ask(site.gateways[number % 2], "rate"), range(24)))
    assert [answer.status_code for answer in came].count(200) == 10
    site.stop()


def test_a_hold_stays_without_redis(
    tmp_path: Path, engine: FakeEngine, start_redis: StartRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Last known, in force; what an operator says then takes effect here and ends with code 2."""
    redis = start_redis()
    site = Site(tmp_path, engine, redis.url)
    site.settle()
    operated = operate.__wrapped__(site, monkeypatch)  # type: ignore[attr-defined] # the fixture's function
    assert operated("hold", "--reason", "x") == 0
    until(lambda: site.everybody("ward", 503, 503))
    until(lambda: count_in_logs(site, "held for all gateways") == 2)
    redis.kill()
    until(lambda: metric(site.gateways[0], FAILING) == 1)
    assert site.statuses("ward") == [503, 503]
    assert operated("release") == 2
    assert site.statuses("ward") == [503, 503]
    redis.start()
    assert operated("release") == 0
    until(lambda: site.everybody("ward", 200, 200))
    until(lambda: count_in_logs(site, "released for all gateways") == 2)
    redis.kill()
    assert operated("hold", "--reason", "x") == 2
    assert operated("keys", "revoke", "leaked") == 2
    until(lambda: site.everybody("ward", 503, 200))
    redis.start()
    assert operated("keys", "revoke", "leaked") == 0
    until(lambda: site.everybody("leaked", 401, 401))
    site.stop()


@pytest.mark.parametrize("policy", ["serve", "refuse"])
def test_a_start_without_redis(
    engine: FakeEngine, start: Start, start_redis: StartRedis, policy: str
) -> None:
    """Answers alone, or not before it knows of holds and revoked keys; then by itself."""
    redis = start_redis()
    redis.kill()
    gateway = start(
        engine.url,
        MMHIE_REDIS_URL=redis.url,
        MMHIE_REDIS_ON_FAILURE=policy,
        MMHIE_CLIENT_CONCURRENCY="1",
    ).wait("/readyz" if policy == "serve" else "/healthz")
    answer = gateway.client.post("/llm/generate", json=ASK)
    if policy == "serve":
        assert answer.status_code == 200
        assert metric(gateway, FAILING) == 1
    else:
        assert answer.json()["error"]["code"] == "shared_state_unavailable"
        assert answer.headers["retry-after"] == "1"
        assert gateway.client.get("/readyz").json()["phase"] == "starting"
    redis.start()
    gateway.wait()
    until(lambda: metric(gateway, FAILING) == 0)
    assert gateway.client.post("/llm/generate", json=ASK).status_code == 200


def test_over_tls(
    tmp_path: Path, engine: FakeEngine, start: Start, start_redis: StartRedis
) -> None:
    """Its certificate is checked against the authority that was named."""
    ours, other = Authority(tmp_path, "ours"), Authority(tmp_path, "other")
    pair, port = ours.issue("redis"), free_port()
    files = ("--tls-cert-file", str(pair.certificate), "--tls-key-file", str(pair.key))
    more = ("--tls-ca-cert-file", str(ours.path), "--tls-auth-clients", "no")
    start_redis("--tls-port", str(port), *files, *more)
    url = f"rediss://localhost:{port}"
    good = start(engine.url, MMHIE_REDIS_URL=url, MMHIE_CA_FILE=str(ours.path)).wait()
    until(lambda: metric(good, FAILING) == 0)
    bad = start(engine.url, MMHIE_REDIS_URL=url, MMHIE_CA_FILE=str(other.path)).wait()
    assert metric(bad, FAILING) == 1
