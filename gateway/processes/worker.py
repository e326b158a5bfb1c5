"""One worker as the supervisor sees it: a process and its heartbeats."""

import socket
import subprocess
import sys
import time
from collections.abc import Mapping


class Worker:
    """A process of this program, started at once.

    It sends a byte on its socket every second, the first when it serves; end of file on that
    socket tells it to take no new connections, and the kernel says so for a supervisor that died.
    """

    def __init__(
        self, number: int, lost: int, listener: socket.socket, environ: Mapping[str, str]
    ) -> None:
        """`number` names its files of metrics; `lost` workers have died before it."""
        self.number = number
        self.started = self.last_heard = time.monotonic()
        self.is_ready = self.is_outdated = self.is_retired = False
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        with theirs:
            numbers = (theirs.fileno(), listener.fileno(), number, lost)
            self._process = subprocess.Popen(
                (sys.executable, "-m", "gateway.processes", *map(str, numbers)),
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), listener.fileno()),
            )

    def poll(self) -> int | None:
        """Return its exit status; None while it runs."""
        return self._process.poll()

    def listen(self) -> None:
        """Take in its heartbeats."""
        try:
            beats = self._socket.recv(4096)
        except BlockingIOError:
            return
        if beats:
            self.is_ready = True
            self.last_heard = time.monotonic()

    def retire(self) -> None:
        """Have it take no new connections, and end after its last one."""
        self.is_retired = True
        self._socket.shutdown(socket.SHUT_WR)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        self._process.send_signal(number)

    def close(self) -> None:
        """Wait for the end of the process."""
        self._process.wait()
        self._socket.close()
