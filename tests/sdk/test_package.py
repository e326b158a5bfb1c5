"""The package as a backend sees it: names, import time, one instance, the drop-in line."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import mmhie
from mmhie import MedicalReasoningLLM

from tests.sdk.conftest import Serve
from tests.sdk.scripted_server import JSON_ANSWER, reply
from tests.waiting import PATIENCE_S

SDK = Path(__file__).parents[2] / "sdk"
HEAVY = {
    "torch", "vllm", "transformers", "fastapi", "pydantic", "httpx2", "httpx", "openai", "asyncio",
    "socket", "ssl", "subprocess", "http.client", "email",
}  # fmt: skip


def run(code: str, *flags: str, path: Path | None = None, **environ: str) -> str:
    """The output of a fresh Python that finds the sdk's sources, and `path`."""
    paths = os.pathsep.join(str(each) for each in (SDK, path) if each)
    theirs = {name: v for name, v in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, *flags, "-c", code],
        env={**theirs, "PYTHONPATH": paths, **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_all_is_sorted_and_true() -> None:
    """__all__ is sorted, complete, and every name exists."""
    public = {name for name in vars(mmhie) if not name.startswith("_")}

    assert mmhie.__all__ == sorted(set(mmhie.__all__))
    assert public | {"__version__"} == set(mmhie.__all__)


def test_import_loads_nothing_heavy() -> None:
    """No engine, no web framework, no HTTP client, not even sockets."""
    loaded = run("import mmhie, sys; print(*sys.modules)").split()

    assert HEAVY & set(loaded) == set()


def test_import_touches_neither_network_nor_settings() -> None:
    """A broken environment and a machine without network import it all the same."""
    code = """
import sys
def refuse(name, args):
    if name.startswith(("socket.", "subprocess.", "os.fork")):
        raise SystemExit(name)
sys.addaudithook(refuse)
from mmhie import medical_reasoner
print("imported")
"""
    assert run(code, MMHIE_MAX_TOKENS="many", MMHIE_URL="nowhere") == "imported"


def test_one_instance_in_a_process() -> None:
    """Threads that race for it get the same one, which is medical_reasoner."""
    start = Barrier(16)

    def get(_: int) -> MedicalReasoningLLM:
        start.wait()
        return MedicalReasoningLLM.instance()

    with ThreadPoolExecutor(16) as threads:
        models = list(threads.map(get, range(16)))

    assert {id(each) for each in models} == {id(mmhie.medical_reasoner)}


FORK = """
import os, sys, asyncio
from mmhie import AsyncMedicalReasoningLLM, medical_reasoner
medical_reasoner.generate("parent before")
lock = medical_reasoner._connections._lock
lock.acquire()  # another thread may hold it at the moment of the fork
if os.fork() == 0:
    medical_reasoner.generate("child")
    asyncio.run(AsyncMedicalReasoningLLM.instance().generate("child async"))
    os._exit(0)
lock.release()
assert os.wait()[1] == 0
medical_reasoner.generate("parent after")
medical_reasoner.close()
"""


def test_a_forked_child_has_a_client_of_its_own(serve: Serve) -> None:
    """It shares neither lock nor connection with its parent, whose connection stays usable."""
    server = serve(reply({**JSON_ANSWER, "notices": []}))

    run(FORK, "-W", "error", MMHIE_URL=server.url)

    peers = {seen.json()["prompt"]: seen.peer for seen in server.calls}
    assert peers["parent before"] == peers["parent after"]
    assert len(set(peers.values())) == 3
