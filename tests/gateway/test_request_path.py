"""The path of one streamed request through few files, for people who read the code."""

import re
import sys
from pathlib import Path
from types import FrameType

import gateway
from gateway import pipeline
from gateway.pipeline import Pipeline
from gateway.principal import PrincipalLimits
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key
from tests.gateway.observability.collector import Collector
from tests.gateway.served import chat_request, post, served, until_ready

SOURCES = Path(gateway.__file__).parent
TRIES = 100  # on a busy machine a timer may run beside many requests, one after the other
MOST_FILES = 25
MOST_GUARDED_FILES = 35  # with keys, audit trail, limits and traces
LIMITS = PrincipalLimits(100, 10_000, 1_000_000)


async def passed(port: int, **key: str) -> set[str]:
    """Return the files whose functions ran for a request."""
    seen: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            seen.add(frame.f_code.co_filename)

    sys.setprofile(note)
    try:
        answer = await post(port, chat_request(), **key)
    finally:
        sys.setprofile(None)
    assert answer.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
    return {
        Path(name).relative_to(SOURCES).as_posix() for name in seen if name.startswith(str(SOURCES))
    }


async def always_passed(port: int, most: int, **key: str) -> set[str]:
    """Return the files of every request after a warm-up: timers run in some of them only."""
    await until_ready(port, **key)
    always = await passed(port, **key)
    for _ in range(TRIES):
        if len(always) <= most:
            break
        always &= await passed(port, **key)
    return always


async def test_a_streamed_request_passes_few_files(engine: FakeEngine) -> None:
    async with served(engine.url) as (port, _):
        always = await always_passed(port, MOST_FILES)

    assert len(always) <= MOST_FILES, "\n".join(sorted(always))


async def test_one_that_is_guarded_passes_few_more(engine: FakeEngine, tmp_path: Path) -> None:
    """Keys, an audit trail, limits and traces each add their own files."""
    key = add_key(tmp_path / "keys.json", "app", "openai", limits=LIMITS)
    files = {"keys_file": tmp_path / "keys.json", "audit_file": tmp_path / "audit.jsonl"}
    with Collector() as collector:
        tracing = {"traces_endpoint": collector.endpoint}
        async with served(engine.url, audit_key="k" * 32, **files, **tracing) as (port, _):
            always = await always_passed(port, MOST_GUARDED_FILES, key=key)

    assert len(always) <= MOST_GUARDED_FILES, "\n".join(sorted(always))
    assert {
        "auth/keys.py",
        "audit/trail.py",
        "limits/rate_limiter.py",
        "observability/spans.py",
    } < always


def test_the_steps_have_one_order_everywhere() -> None:
    """Docstring, methods, glossary and CONTRIBUTING name the same steps in the same order."""
    steps = re.findall(r"^    ([a-z]+)  +", pipeline.__doc__ or "", re.MULTILINE)
    authorised, *of_the_class, observed = steps
    root = SOURCES.parent
    (row,) = re.findall(r"^\| pipeline \|.*: ([a-z, ]+)\.", glossary(root), re.MULTILINE)
    walk = re.findall(r"^   - ([a-z]+): ", (root / "CONTRIBUTING.md").read_text(), re.MULTILINE)

    assert (authorised, observed) == ("authorise", "observe")
    assert [name for name in vars(Pipeline) if name in steps] == of_the_class
    assert row.split(", ") == walk == steps


def glossary(root: Path) -> str:
    return (root / "docs" / "glossary.md").read_text()
