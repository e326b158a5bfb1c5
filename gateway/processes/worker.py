"""A worker as uvicorn's supervisor starts it. Imports of the gateway wait until it can answer."""

import socket
import sys
import threading

import uvicorn
from uvicorn.supervisors.multiprocess import Process


class WorkerProcess(Process):
    """A process in which a gateway serves."""

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], number: int, lost: int
    ) -> None:
        """`number` names its files of metrics; `lost` workers have died before it."""
        super().__init__(config, sockets)
        self._number = number
        self._lost = lost

    def start(self) -> None:
        super().start()
        self.child_conn.close()  # theirs: else a ping would wait for one who has ended

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve in the new process, and answer pings from the first moment."""
        threading.Thread(target=self.always_pong, daemon=True).start()
        from gateway.processes import worker_server

        sys.exit(worker_server.run(self._serve, sockets or [], self._number, self._lost))

    def _serve(self, server: uvicorn.Server, sockets: list[socket.socket]) -> None:
        self._server = server
        server.run(sockets)

    def pong(self) -> None:
        """Answer one ping: whether this worker serves."""
        self.child_conn.recv()
        self.child_conn.send(self._server is not None and self._server.started)
