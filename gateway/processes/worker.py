"""A worker process of uvicorn's supervisor. It imports the gateway after it can answer pings."""

import socket
import sys
import threading

import uvicorn
from uvicorn.supervisors.multiprocess import Process


class WorkerProcess(Process):
    """A process that runs one gateway."""

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], number: int, lost: int
    ) -> None:
        """`number` names its metrics files; `lost` counts the workers that died before."""
        super().__init__(config, sockets)
        self._number = number
        self._lost = lost

    def start(self) -> None:
        super().start()
        self.child_conn.close()  # the child's end: if open here, a ping to a dead worker would hang

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve in the new process; a thread answers pings from the start."""
        threading.Thread(target=self.always_pong, daemon=True).start()
        from gateway.processes import worker_server

        sys.exit(worker_server.run(self._serve, sockets or [], self._number, self._lost))

    def _serve(self, server: uvicorn.Server, sockets: list[socket.socket]) -> None:
        self._server = server
        server.run(sockets)

    def pong(self) -> None:
        """Answer one ping with True if this worker is serving."""
        self.child_conn.recv()
        self.child_conn.send(self._server is not None and self._server.started)
