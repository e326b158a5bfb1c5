"""The process: how it starts, refuses to start, drains and ends."""

import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.contract.fixtures import Start
from tests.contract.process import ROOT, Gateway
from tests.contract.surfaces import STREAMS, events
from tests.fake_engine.process import FakeEngine
from tests.waiting import PATIENCE_S, until


def run(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """A gateway that is expected to end by itself."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **settings}
    command = [sys.executable, "-m", "gateway"]
    return subprocess.run(
        command, env=environ, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S
    )


def test_a_wrong_setting_stops_the_start(tmp_path: Path) -> None:
    """Exit code 2 and one line, without the values of others; `.env` is read like the
    environment."""
    (tmp_path / ".env").write_text("MMHIE_MAX_TOKEN=5\n")
    ended = run(tmp_path, MMHIE_ENGINE_API_KEY="hush")

    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert "MMHIE_MAX_TOKENS" in ended.stderr
    assert "hush" not in ended.stderr
    assert ended.stdout == ""


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    """The sentence names the port, with exit code 2."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = run(tmp_path, MMHIE_PORT=port, MMHIE_ENGINE_URL="http://127.0.0.1:9")

    assert ended.returncode == 2
    assert port in ended.stderr
    assert "Traceback" not in ended.stderr


def test_streams_in_flight_finish(start: Start, engine: FakeEngine) -> None:
    """SIGTERM in mid-stream, on every surface: each token comes, with the proper end, then exit
    code 0; who comes while balancers see that it is not ready is still served."""
    gateway = start(engine.url, MMHIE_SETTLE_SECONDS="3").wait()
    whole = [surface.ask(gateway.client, **surface.limit(8)).content for surface in STREAMS]
    engine.next(fault="gated", times=len(STREAMS))
    with ExitStack() as opened:
        asked = (surface.stream(gateway.client, **surface.limit(8)) for surface in STREAMS)
        streams = [opened.enter_context(answer).iter_raw() for answer in asked]
        begun = [(next(parts), parts) for parts in streams]
        gateway.signal()
        until(lambda: not gateway.answers("/readyz"))
        late = STREAMS[0].ask(gateway.client, **STREAMS[0].limit(8))
        until(lambda: not is_listening(gateway))
        engine.release(100 * len(STREAMS))
        received = [first + b"".join(parts) for first, parts in begun]

    assert gateway.exit_code() == 0
    assert len(events(late.content)) == len(events(whole[0]))
    for surface, before, after in zip(STREAMS, whole, received, strict=True):
        if surface.form == "text":
            assert after == before
        else:
            assert len(events(after)) == len(events(before))
            assert b'"error"' not in after


def is_listening(gateway: Gateway) -> bool:
    with socket.socket() as plug:
        return plug.connect_ex(("127.0.0.1", gateway.port)) == 0
