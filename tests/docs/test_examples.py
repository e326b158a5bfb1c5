"""Every command and program of the documentation runs."""

from collections.abc import Iterator

import pytest

from tests.contract.process import Gateway
from tests.docs.examples import Example, examples
from tests.fake_engine.process import FakeEngine

EXAMPLES = [example for example in examples() if example.page != "clients.md"]  # they have keys


@pytest.fixture(scope="module")
def url(the_engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a gateway with the default settings."""
    with Gateway(tmp_path_factory.mktemp("docs"), the_engine.url).wait() as gateway:
        yield gateway.url


@pytest.mark.slow  # a program each; `make docs-check` runs them, too
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_example_runs(url: str, example: Example) -> None:
    """It ends well and prints something."""
    done = example.run(url)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
