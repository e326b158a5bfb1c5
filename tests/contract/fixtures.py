"""Fixtures of all tests: one fake engine, gateways in front of it, and fresh ones on demand."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from gateway import startup_checks
from gateway.settings.gateway import SettingsError
from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine

Start = Callable[..., Gateway]
StartEngine = Callable[..., FakeEngine]
Shared = Callable[..., Gateway]
Refusal = Callable[..., str]
Folders = pytest.TempPathFactory


@pytest.fixture(scope="session")
def the_engine() -> Iterator[FakeEngine]:
    """The fake engine behind the shared gateways."""
    with FakeEngine("--created", "1795566865").wait() as engine:
        yield engine


@pytest.fixture(scope="session")
def the_gateway(the_engine: FakeEngine, tmp_path_factory: Folders) -> Iterator[Gateway]:
    """The shared gateway, with ordinary settings."""
    folder = tmp_path_factory.mktemp("gateway")
    with Gateway(folder, the_engine.url, MMHIE_MAX_INPUT_LENGTH="200").wait() as gateway:
        yield gateway


@pytest.fixture(scope="session")
def deserted(tmp_path_factory: Folders) -> Iterator[Gateway]:
    """The shared gateway of which no engine is there."""
    with Gateway(tmp_path_factory.mktemp("deserted"), "http://127.0.0.1:9") as away:
        yield away.wait("/healthz")


@pytest.fixture(scope="session")
def the_gateways(the_engine: FakeEngine, tmp_path_factory: Folders) -> Iterator[Shared]:
    """Shared gateways by their settings, each started when it is first asked for."""
    with ExitStack() as stack:

        @cache
        def of(**settings: str) -> Gateway:
            folder = tmp_path_factory.mktemp("gateway")
            return stack.enter_context(Gateway(folder, the_engine.url, **settings)).wait()

        yield of


@pytest.fixture
def gateway_with(the_gateways: Shared, engine: FakeEngine) -> Shared:
    """Return the shared gateway with some settings: `gateway_with(MMHIE_X="...")`."""
    return the_gateways


@pytest.fixture
def engine(the_engine: FakeEngine) -> FakeEngine:
    """The fake engine, reset."""
    the_engine.reset()
    return the_engine


@pytest.fixture
def gateway(the_gateway: Gateway, engine: FakeEngine) -> Gateway:
    """The shared gateway in front of the reset engine."""
    return the_gateway


@pytest.fixture
def hasty(the_gateways: Shared, engine: FakeEngine) -> Gateway:
    """A shared gateway with a timeout of 0.3 seconds."""
    return the_gateways(MMHIE_TIMEOUT_SECONDS="0.3")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a gateway of the test's own: `start(engine_url, MMHIE_X="...")`, stopped at the end."""
    with ExitStack() as stack:
        yield lambda engine_url, **settings: stack.enter_context(
            Gateway(tmp_path, engine_url, **settings)
        )


@pytest.fixture
def start_engine() -> Iterator[StartEngine]:
    """Start a fake engine of the test's own with command line options, stopped at the end."""
    with ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(FakeEngine(*arguments).wait())


@pytest.fixture
def refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refusal:
    """Return the sentence that stops a start: `refusal(MMHIE_X="...")`, in the test's folder.

    No process is started for it; that one ends with it and code 2 is in test_life.py.
    """
    monkeypatch.chdir(tmp_path)
    for name in [variable for variable in os.environ if variable.startswith("MMHIE_")]:
        monkeypatch.delenv(name)

    def sentence(**settings: str) -> str:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SettingsError) as caught:
            startup_checks.load_checked()
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return sentence
