"""An engine below a path, behind nginx: every request of the gateway goes there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from requirements import programs
from tests.contract.fixtures import Start, StartEngine
from tests.contract.process import Gateway, free_port
from tests.contract.surfaces import SURFACES, name_of
from tests.fake_engine.process import FakeEngine
from tests.faults.balancer import NGINX, running
from tests.waiting import until

pytestmark = pytest.mark.skipif(not NGINX, reason=programs.reason("nginx"))

PASSED: Final = "location {} {{ proxy_pass {}{}; proxy_buffering off; proxy_http_version 1.1; }}"
# A route of a cluster's gateway passes on all that is below its path; KServe has OpenAI's paths
# there and the metrics beside them, and no other page of vLLM's.
ROUTES: Final = {
    "/hospital/model": {"/hospital/model/": "/"},
    "/openai/": {"/openai/v1/": "/v1/", "/metrics": "/metrics"},
}
PATHS = ("/v1/models", "/v1/models/fake-model", "/metrics", "/healthz", "/readyz")


@pytest.fixture(params=ROUTES)
def prefixed(request: pytest.FixtureRequest, tmp_path: Path, engine: FakeEngine) -> Iterator[str]:
    """The address of the shared engine below a path; without it there is nothing."""
    port = free_port()
    passed = (PASSED.format(path, engine.url, own) for path, own in ROUTES[request.param].items())
    with running(tmp_path, port, f"server {{ listen 127.0.0.1:{port}; {' '.join(passed)} }}"):
        yield f"http://127.0.0.1:{port}{request.param}"


@pytest.fixture
def behind(prefixed: str, start: Start) -> Gateway:
    """A gateway whose engine is there."""
    return start(prefixed, MMHIE_MAX_INPUT_LENGTH="200").wait()


def test_every_surface_works_below_a_path(behind: Gateway) -> None:
    """Answers of each kind, the list of models, the engine's metrics, and what depends on them."""
    answers = {name_of(surface): surface.ask(behind.client) for surface in SURFACES}
    pages = {path: behind.client.get(path) for path in PATHS}

    assert {name: a.status_code for name, a in answers.items()} == dict.fromkeys(answers, 200)
    assert {path: page.status_code for path, page in pages.items()} == dict.fromkeys(pages, 200)
    assert "vllm:num_requests_running" in pages["/metrics"].text


def test_an_engine_below_a_path_goes(
    tmp_path: Path, start: Start, start_engine: StartEngine
) -> None:
    """The list of models tells, as no page does that says whether the engine is healthy."""
    port, engine = free_port(), start_engine()
    passed = PASSED.format("/openai/v1/", engine.url, "/v1/")
    with running(tmp_path, port, f"server {{ listen 127.0.0.1:{port}; {passed} }}"):
        gateway = start(f"http://127.0.0.1:{port}/openai").wait()
        engine.stop()
        until(lambda: gateway.client.get("/healthz").json()["phase"] == "engine_down")

        assert gateway.client.get("/readyz").status_code == 503
