"""Counts that docs/decisions names: each is measured again where it can be."""

import re
import tomllib
from collections.abc import Callable
from typing import Final

import pytest

from tests.contract.process import ROOT
from tests.docs.examples import DOCS
from tests.gateway.server.test_uvicorn import DIGESTS

FOLDER: Final = DOCS / "decisions"
LINES_TOLERANCE: Final = 0.1
# Distribution names that the table of dependencies spells with its extras or in another way.
EXTRAS: Final = re.compile(r"[\[<>=].*")


def packages(lock: str) -> int:
    """Count the packages of a lock file."""
    return len(re.findall(r"^[\w.-]+==", (ROOT / "requirements" / lock).read_text(), re.MULTILINE))


def lines(*patterns: str) -> int:
    """Count the lines of the gateway's modules that match."""
    files = [file for pattern in patterns for file in (ROOT / "gateway").glob(pattern)]
    return sum(len(file.read_text().splitlines()) for file in files)


def named(page: str, sentence: str) -> float:
    """Return the number that stands for `N` in a sentence of a page."""
    text = " ".join((FOLDER / page).read_text().split())
    number = re.search(re.escape(sentence).replace("N", r"([\d.,]+)", 1), text)
    assert number, f"{page} lacks: {sentence}"
    return float(number[1].replace(",", ""))


@pytest.mark.parametrize(
    ("page", "sentence", "count"),
    [
        ("dependencies.md", "N packages for a gateway", lambda: packages("gateway.txt")),
        ("dependencies.md", "N more with tracing", lambda: packages("tracing.txt")),
        ("tracing.md", "its dependencies are N packages", lambda: packages("tracing.txt")),
        ("evaluation.md", "Its N packages would", lambda: packages("evaluate.txt")),
        ("http-protocol.md", "all N parts", lambda: len(DIGESTS)),
    ],
)
def test_a_count_is_exact(page: str, sentence: str, count: Callable[[], int]) -> None:
    """A decision names as many packages and parts as there are today."""
    assert named(page, sentence) == count()


@pytest.mark.parametrize(
    ("page", "sentence", "patterns"),
    [
        ("http-protocol.md", "in N lines", ["server/http_protocol.py", "server/response_cycle.py"]),
        ("red-flags.md", "from dictionaries: N lines", ["safety/red_flags/model.py"]),
        ("workers.md", "`gateway/processes` is N lines", ["processes/*.py"]),
    ],
)
def test_a_size_is_about_right(page: str, sentence: str, patterns: list[str]) -> None:
    """A number of lines in a decision is within a tenth of what the modules have."""
    assert named(page, sentence) == pytest.approx(lines(*patterns), rel=LINES_TOLERANCE)


def test_the_size_of_the_weights_is_about_right() -> None:
    """The decision on red flags names the megabytes that ship."""
    size = (ROOT / "gateway/safety/red_flags/model.json.gz").stat().st_size

    assert named("red-flags.md", "and N MB of weights") == pytest.approx(size / 1e6, abs=0.05)


def test_every_direct_dependency_has_its_reason() -> None:
    """The table of dependencies names each package that pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = [name for names in project["optional-dependencies"].values() for name in names]
    asked = {EXTRAS.sub("", name) for name in [*project["dependencies"], *optional]}
    rows = re.findall(
        r"^\| (.+?) \| .+ \|$", (FOLDER / "dependencies.md").read_text(), re.MULTILINE
    )

    assert {name for name in asked if not any(name in row for row in rows)} == set()


def test_versions_are_those_of_the_locks() -> None:
    """A version that a decision gives for a pinned package is the pinned one."""
    lock = "".join(file.read_text() for file in (ROOT / "requirements").glob("*.txt"))
    text = "".join(page.read_text() for page in FOLDER.glob("*.md"))
    plugins = set(re.findall(r"`(vllm-[\w-]+)` (\d[\d.]+\d)", text))

    assert len(plugins) >= 2
    assert [(name, version) for name, version in plugins if f"{name}=={version}" not in lock] == []
