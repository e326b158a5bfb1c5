"""One browser and one gateway for all tests of the console; windows are opened by each."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.clients import node
from tests.console.browser import CHROMIUM, chromium, opened
from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine

Open = Callable[..., AbstractAsyncContextManager[Page]]
Start = Callable[..., Gateway]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, where it is installed."""
    if not CHROMIUM.exists() or not node.is_here():
        pytest.skip("chromium or npm is not installed")
    node.install()  # axe-core
    async with chromium() as running:
        yield running


@pytest.fixture(scope="package")
def the_engine() -> Iterator[FakeEngine]:
    """The engine behind every gateway here."""
    engine = FakeEngine("--token-delay", "0.004").wait()
    yield engine
    engine.stop()


@pytest.fixture(scope="package")
def the_gateway(
    the_engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway that is open to anybody."""
    gateway = Gateway(tmp_path_factory.mktemp("gateway"), the_engine.url).wait()
    yield gateway
    gateway.stop()


@pytest.fixture
def engine(the_engine: FakeEngine) -> FakeEngine:
    """The engine, its memory wiped."""
    the_engine.reset()
    return the_engine


@pytest.fixture
def gateway(the_gateway: Gateway, engine: FakeEngine) -> Gateway:
    """The gateway in front of a wiped engine."""
    return the_gateway


@pytest.fixture
def start(tmp_path: Path, engine: FakeEngine) -> Iterator[Start]:
    """Start a gateway with other settings, stopped at the end."""
    with ExitStack() as stack:

        def begin(**settings: str) -> Gateway:
            gateway = Gateway(tmp_path, engine.url, **settings)
            stack.callback(gateway.stop)
            return gateway.wait("/healthz")

        yield begin


@pytest.fixture
def window(browser: Browser) -> Open:
    """Open a window: `async with window(url, width=320, scheme="dark") as page`."""
    return partial(opened, browser)


@pytest_asyncio.fixture(loop_scope="session")
async def page(window: Open, gateway: Gateway) -> AsyncIterator[Page]:
    """The console of the shared gateway in an ordinary window."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(window(gateway.url))
