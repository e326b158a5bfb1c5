"""Checkpoints that are sent elsewhere as they are made."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import orjson
import pytest

from gateway.audit.checkpoints import CheckpointSender
from gateway.audit.verify import checkpoints_in, verify
from gateway.settings.gateway import SettingsError, load
from tests.contract.fixtures import Start
from tests.contract.surfaces import SURFACES
from tests.gateway.audit.conftest import KEY
from tests.waiting import until

LINE = {"time": "2026-11-26T00:00:00.000Z", "event": "audit_checkpoint", "seq": 1, "mac": "a" * 64}


class Collector(HTTPServer):
    """Another machine, which may refuse for a while."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.refusals = 0
        super().__init__(("127.0.0.1", 0), Receiving)
        self.url = f"http://127.0.0.1:{self.server_port}/audit"


class Receiving(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        is_refused, self.server.refusals = self.server.refusals > 0, self.server.refusals - 1
        if not is_refused:
            self.server.got.append(body)
        self.send_response(503 if is_refused else 204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_trail_that_is_cut_is_found_elsewhere(
    start_audited: Start, collector: Collector, path: Path
) -> None:
    """Checkpoints that arrived prove that lines are missing; the last one comes with the stop."""
    gateway = start_audited(MMHIE_AUDIT_CHECKPOINT_URL=collector.url).wait()
    until(lambda: collector.got)
    assert SURFACES[0].ask(gateway.client).status_code == 200
    assert gateway.stop() == 0
    elsewhere = path.with_name("elsewhere.log")
    elsewhere.write_bytes(b"\n".join(collector.got))
    known = checkpoints_in(str(elsewhere))

    assert known[-1] == verify(path, key=KEY, checkpoints=known).head
    assert not verify(path, key=KEY, checkpoints=known).findings
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    (finding,) = verify(path, key=KEY, checkpoints=known).findings
    assert finding.kind == "cut"


def test_it_is_sent_again_until_it_arrives(collector: Collector) -> None:
    """In order, and once each."""
    collector.refusals = 3
    sender = CheckpointSender(collector.url, first_pause_s=0.01)
    sender.start()
    for number in range(5):
        sender.send({**LINE, "seq": number})
    until(lambda: len(collector.got) == 5)
    sender.stop()

    assert [orjson.loads(body)["seq"] for body in collector.got] == list(range(5))


def test_nothing_waits_for_a_collector_that_is_away(start_audited: Start) -> None:
    """Requests are answered, and the log says once that nothing arrives."""
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts and never answers
        gateway = start_audited(
            MMHIE_AUDIT_CHECKPOINT_URL=f"http://127.0.0.1:{silent.getsockname()[1]}/",
        ).wait()
        answers = [SURFACES[0].ask(gateway.client) for _ in range(5)]
    until(lambda: "audit checkpoints do not arrive" in gateway.log)

    assert [answer.status_code for answer in answers] == [200] * 5
    assert gateway.stop() == 0


def test_syslog() -> None:
    """A message of RFC 5424, with its length before it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = CheckpointSender(f"syslog://127.0.0.1:{server.getsockname()[1]}")
        sender.start()
        sender.send(LINE)
        connection, _ = server.accept()
        with connection:
            got = b"".join(iter(lambda: connection.recv(4096), b""))
        sender.stop()
    length, _, message = got.partition(b" ")

    assert int(length) == len(message)
    assert message.startswith(b"<109>1 2026-11-26T00:00:00.000Z ")
    head, _, body = message.partition(b" audit_checkpoint - ")
    assert head.split(b" ")[3:] == [b"mmhie", b"-"]
    assert orjson.loads(body)["mac"] == LINE["mac"]


@pytest.mark.parametrize("url", ["ftp://a/", "syslog://a", "syslog://:5", "https://", "b:c"])
def test_other_addresses_are_refused(url: str) -> None:
    """In one sentence, without the address: it may hold a token."""
    files = {"MMHIE_AUDIT_FILE": "a", "MMHIE_AUDIT_KEY": KEY}
    with pytest.raises(SettingsError, match="MMHIE_AUDIT_CHECKPOINT_URL is not valid"):
        load({**files, "MMHIE_AUDIT_CHECKPOINT_URL": url}, None)
