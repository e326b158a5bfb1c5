"""One browser and one gateway for all tests of the console; windows are opened by each."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from requirements import programs
from tests.clients import node
from tests.contract.fixtures import Start
from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine
from tests.gateway.console.browser import chromium, opened

Open = Callable[..., AbstractAsyncContextManager[Page]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, where it is installed."""
    if lacking := programs.reason("chromium", "node", "npm"):
        pytest.skip(lacking)
    node.install()  # axe-core
    async with chromium() as running:
        yield running


@pytest.fixture(scope="package")
def the_engine() -> Iterator[FakeEngine]:
    """The engine behind every gateway here: slow enough to see tokens arrive."""
    with FakeEngine("--token-delay", "0.004").wait() as engine:
        yield engine


@pytest.fixture(scope="package")
def the_gateway(
    the_engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway without keys."""
    with Gateway(tmp_path_factory.mktemp("gateway"), the_engine.url).wait() as gateway:
        yield gateway


@pytest.fixture
def start(start: Start, engine: FakeEngine) -> Start:
    """Start a gateway with other settings, stopped at the end."""
    return lambda **settings: start(engine.url, **settings).wait("/healthz")


@pytest.fixture
def window(browser: Browser) -> Open:
    """Open a window: `async with window(url, width=320, scheme="dark") as page`."""
    return partial(opened, browser)


@pytest_asyncio.fixture(loop_scope="session")
async def page(window: Open, gateway: Gateway) -> AsyncIterator[Page]:
    """The console of the shared gateway in an ordinary window."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(window(gateway.url))
