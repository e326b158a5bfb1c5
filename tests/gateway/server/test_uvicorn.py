"""The parts of uvicorn that are overridden or relied on, none of which it promises to keep.

A new version that changes one of them fails here. Read the change, adapt `gateway/server/` and
`gateway/processes/`, and only then renew the digest; pyproject.toml pins the minor version.
"""

import hashlib
import inspect
import tomllib
from importlib.metadata import version
from typing import Any

import pytest
import uvicorn
from packaging.requirements import Requirement
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from gateway.processes.supervisor import WorkerSupervisor
from gateway.processes.worker import WorkerProcess
from gateway.server.drain import DrainingServer
from gateway.server.http_protocol import HttpProtocol, ResponseCycle
from tests.contract.process import ROOT

OURS = {
    HttpProtocol: HttpToolsProtocol,
    ResponseCycle: RequestResponseCycle,
    DrainingServer: uvicorn.Server,
    WorkerSupervisor: Multiprocess,
    WorkerProcess: Process,
}
DIGESTS: dict[Any, str] = {
    HttpToolsProtocol.__init__: "4f0899941034",
    HttpToolsProtocol.connection_made: "6efb565ff3d3",
    HttpToolsProtocol.connection_lost: "c91a4c9bf2e2",
    HttpToolsProtocol.data_received: "010a7ae59a5d",
    HttpToolsProtocol.on_message_begin: "96d377fdc7c2",
    HttpToolsProtocol.on_url: "37be44e962b0",
    HttpToolsProtocol.on_header: "65d62c044f61",
    HttpToolsProtocol.on_headers_complete: "1ea8589acfad",
    HttpToolsProtocol.on_body: "dba9c32aeba3",
    HttpToolsProtocol.on_message_complete: "1fbad42dc31f",
    HttpToolsProtocol._start_asgi_task: "9c08c2571ae9",
    HttpToolsProtocol.on_response_complete: "64e254f28e38",
    HttpToolsProtocol.shutdown: "d7351fa33f00",
    HttpToolsProtocol.pause_writing: "17a8fd215d96",
    HttpToolsProtocol.resume_writing: "7844bbaa8cce",
    RequestResponseCycle.__init__: "4d2f220910c3",
    RequestResponseCycle.run_asgi: "0f33f2449a44",
    RequestResponseCycle.send: "abdd8601b326",
    RequestResponseCycle.receive: "8124ae006be7",
    FlowControl: "126debcdaa89",
    uvicorn.Server.__init__: "c150b55284f7",
    uvicorn.Server.serve: "112ef41af521",
    uvicorn.Server.startup: "2aa1d70a244b",
    uvicorn.Server.main_loop: "afccb353a119",
    uvicorn.Server.on_tick: "60ea49b06ccf",
    uvicorn.Server.shutdown: "9b33c5056299",
    uvicorn.Server.capture_signals: "e1bbcd4770d1",
    Multiprocess.__init__: "5e0f105cb4a3",
    Multiprocess.init_processes: "6c69f2a36bf5",
    Multiprocess.run: "306814569fbd",
    Multiprocess.keep_subprocess_alive: "3ba4980aa33b",
    Multiprocess.terminate_all: "6efef9523120",
    Multiprocess.handle_signals: "69be08d4fd9b",
    Multiprocess.handle_hup: "c6701178f72d",
    Multiprocess.handle_ttin: "ebfc0650752a",
    Multiprocess.handle_ttou: "7801be71de72",
    Process.__init__: "a8c85f799aae",
    Process.is_alive: "7fb1ab8fc390",
    Process.ping: "5549e98e2cc2",
    Process.pong: "531eb588bfa5",
    Process.always_pong: "f045b1417fcf",
    Process.start: "56658f1a46a8",
    Process.target: "ad60ca4616de",
    Process.kill: "23db0314aac4",
}


def digest(part: Any) -> str:
    return hashlib.sha256(inspect.getsource(part).encode()).hexdigest()[:12]


@pytest.mark.parametrize("part", DIGESTS, ids=lambda part: part.__qualname__)
def test_it_is_as_we_know_it(part: Any) -> None:
    """To the letter: what is overridden calls it, and what it calls."""
    assert digest(part) == DIGESTS[part], f"uvicorn {version('uvicorn')} changed {part}"


def test_all_that_is_overridden_is_watched() -> None:
    """Every name that a class of ours shares with uvicorn's."""
    shared = {
        getattr(theirs, name)
        for ours, theirs in OURS.items()
        for name in vars(ours)
        if inspect.isfunction(vars(theirs).get(name))
    }
    assert shared - set(DIGESTS) == set()


def test_it_is_pinned_to_a_minor_version() -> None:
    """The one that is installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (asked,) = [
        each for each in map(Requirement, project["dependencies"]) if each.name == "uvicorn"
    ]
    installed = version("uvicorn")
    major, minor, *_ = map(int, installed.split("."))

    assert asked.specifier.contains(installed)
    assert not asked.specifier.contains(f"{major}.{minor + 1}.0")
