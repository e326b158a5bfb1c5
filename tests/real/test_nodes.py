"""One engine over two hosts: network namespaces that share a wire and nothing else, vLLM on both.

The hosts have no way to the internet and their name resolves to 127.0.0.1, as it does on many.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from requirements import programs
from tests.models import harmony
from tests.models.harmony import EXCHANGES, FEVER, SYSTEM
from tests.real.serving import Served
from tests.real.stack import START_S, STOP_S, Stack, start

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0 or not programs.find("ip") or (psutil.cpu_count() or 1) < 2,
        reason="making network namespaces needs root and iproute2, and each host a core",
    ),
]

# The head's address for clients is on another network than the one the nodes meet on.
FRONT, CLIENT = "10.78.41.1", "10.78.41.2"
ADDRESSES = ("10.77.41.1", "10.77.41.2")
HEAD_ADDRESS = ADDRESSES[0]
PORT = 8000
LOST_S = 120


@dataclass(frozen=True)
class Hosts:
    """Two namespaces by name, joined by a wire; the first has another to this machine."""

    names: tuple[str, str]

    def start(self, rank: int, folder: Path, **ours: str) -> Stack:
        """`mmhie serve` as this node, on a core of its own."""
        entered = ("ip", "netns", "exec", self.names[rank], "taskset", "--cpu-list", str(rank))
        return start(
            folder,
            *entered,
            MMHIE_NODES="2",
            MMHIE_NODE_RANK=str(rank),
            MMHIE_HEAD_ADDRESS=HEAD_ADDRESS,
            MMHIE_HOST=FRONT,
            MMHIE_PORT=str(PORT),
            VLLM_CPU_OMP_THREADS_BIND=str(rank),
            **ours,
        )


def ip(line: str) -> None:
    subprocess.run(["ip", *line.split()], check=True, capture_output=True)


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    """Both, with their wires; gone with the module."""
    mark = f"mm{os.getpid()}"
    first, second = names = (f"{mark}a", f"{mark}b")
    try:
        for name in names:
            ip(f"netns add {name}")
            ip(f"-n {name} link set lo up")
        ip(f"link add wire netns {first} type veth peer name wire netns {second}")
        ip(f"link add {mark} type veth peer name front netns {first}")
        for name, address in zip(names, ADDRESSES, strict=True):
            ip(f"-n {name} addr add {address}/24 dev wire")
            ip(f"-n {name} link set wire up")
        ip(f"-n {first} addr add {FRONT}/24 dev front")
        ip(f"-n {first} link set front up")
        ip(f"addr add {CLIENT}/24 dev {mark}")
        ip(f"link set {mark} up")
        yield Hosts(names)
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


@dataclass
class Pair:
    """The head's service and the other node's part, which can be started anew."""

    head: Served
    follower: Stack
    hosts: Hosts
    settings: dict[str, str]

    def until_ready(self) -> None:
        """A node that ends before is told of at once."""
        while self.head.stack.note() != "ready":
            for part in (self.head.stack, self.follower):
                assert part.process.poll() is None, part.log.read_text()[-4000:]
            assert time.monotonic() - self.follower.started < START_S, self.head.log[-4000:]
            time.sleep(0.2)

    def rejoin(self) -> None:
        """Start the other node again."""
        folder = self.head.stack.log.parent
        self.follower = self.hosts.start(1, folder, **self.settings)


@pytest.fixture(scope="module")
def pair(hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both nodes on the Harmony model, whose two KV heads they share."""
    folder = tmp_path_factory.mktemp("nodes")
    settings = {"MMHIE_REASONER_MODEL": str(harmony.model()), "MMHIE_CACHE_DIR": str(folder)}
    settings |= harmony.ENVIRONMENT
    head = hosts.start(0, folder, **settings)
    follower = hosts.start(1, folder, **settings)
    with head.client() as client:
        made = Pair(Served(head, settings, client), follower, hosts, settings)
        try:
            made.until_ready()
            yield made
        finally:
            for part in (head, made.follower):
                part.process.terminate()
                part.process.wait(timeout=STOP_S)


def test_two_hosts_say_what_one_says(pair: Pair) -> None:
    """Word for word, and half of every layer is on the other host."""
    texts = [pair.head.text(exchange.question, max_tokens=96) for exchange in EXCHANGES]
    fingerprint = pair.head.chat(FEVER.question, system=SYSTEM, max_tokens=4)["system_fingerprint"]

    assert texts == [exchange.answer for exchange in EXCHANGES]
    assert "tp2" in fingerprint


def test_the_other_host_has_ranks_and_no_server(pair: Pair) -> None:
    """Nothing there listens for requests."""
    below = [" ".join(process.cmdline()) for process in pair.follower.processes()]

    assert [line for line in below if "launcher.nodes.headless" in line]
    assert not [line for line in below if "-m gateway" in line or "api_server" in line]


def test_a_killed_head_takes_the_other_with_it_and_both_begin_anew(pair: Pair) -> None:
    """The other node ends by itself and says why; started again, it joins the next engine."""
    pair.head.stack.find("api_server").kill()
    status = pair.follower.process.wait(timeout=LOST_S)

    assert status == 2
    assert "The engine on node 0 ended" in pair.follower.log.read_text()

    pair.rejoin()
    pair.until_ready()
    assert pair.head.text(FEVER.question, max_tokens=96) == FEVER.answer


def test_both_stop_in_order(pair: Pair) -> None:
    """Exit code 0 on SIGTERM, first the head."""
    assert pair.head.stack.stop() == 0
    pair.follower.process.send_signal(signal.SIGTERM)

    assert pair.follower.process.wait(timeout=STOP_S) in (0, 2)
