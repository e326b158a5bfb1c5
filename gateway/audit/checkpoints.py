"""Checkpoints of the trail, sent to another machine as they are made: there they prove the past."""

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx2
import orjson

from gateway.audit.file import HOST
from gateway.runtime.json_types import Json
from gateway.runtime.log import log

TIMEOUT_S = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
MOST_WAITING = 1000  # the newest prove the most
STOP_S = 2.0
NOTICE = 13 * 8 + 5  # of RFC 5424: facility "log audit", severity "notice"

Deliver = Callable[[bytes, Json], None]


class CheckpointSender:
    """Sends each checkpoint in order, again until it arrives; nothing waits for it."""

    def __init__(self, url: str, *, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self._deliver = deliver_to(url)
        self._first_pause_s = self._pause_s = first_pause_s
        self._waiting: deque[Json] = deque(maxlen=MOST_WAITING)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
        self._is_failing = False

    def start(self) -> None:
        self._thread.start()

    def send(self, checkpoint: Json) -> None:
        """Enqueue a checkpoint."""
        self._waiting.append({**checkpoint, "host": HOST})
        self._wake.set()

    def stop(self) -> None:
        """Send the last ones once more, and stop."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(STOP_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            self._wake.clear()
            while self._waiting and not self._try():
                if self._stopping.wait(self._pause_s):
                    return
                self._pause_s = min(LONGEST_PAUSE_S, 2 * self._pause_s)

    def _try(self) -> bool:
        """Send all that wait; False where one does not arrive, which then is the next again."""
        while self._waiting:
            checkpoint = self._waiting[0]
            try:
                self._deliver(orjson.dumps(checkpoint), checkpoint)
            except (OSError, httpx2.HTTPError):
                if not self._is_failing:
                    log.error("audit checkpoints do not arrive at MMHIE_AUDIT_CHECKPOINT_URL")
                self._is_failing = True
                return False
            with contextlib.suppress(ValueError):  # it fell out of a full queue meanwhile
                self._waiting.remove(checkpoint)
        if self._is_failing:
            log.warning("audit checkpoints arrive again")
        self._is_failing, self._pause_s = False, self._first_pause_s
        return True


def deliver_to(url: str) -> Deliver:
    """Return the way to deliver to `https://…`, `http://…` or `syslog://host:port`."""
    parts = urlsplit(url)
    if parts.scheme == "syslog":
        return lambda body, line: send_syslog((parts.hostname or "", parts.port or 601), body, line)
    return lambda body, _: post(url, body)


def post(url: str, body: bytes) -> None:
    """POST one checkpoint as JSON; raises httpx2.HTTPError unless the answer is 2xx."""
    headers = {"content-type": "application/json"}
    httpx2.post(url, content=body, headers=headers, timeout=TIMEOUT_S).raise_for_status()


def send_syslog(address: tuple[str, int], body: bytes, line: Json) -> None:
    """Send one checkpoint as a message of RFC 5424 over TCP, framed as RFC 6587 has it."""
    head = f"<{NOTICE}>1 {line['time']} {line['host']} mmhie - audit_checkpoint - "
    message = head.encode() + body
    with socket.create_connection(address, TIMEOUT_S) as connection:
        connection.sendall(b"%d %b" % (len(message), message))
