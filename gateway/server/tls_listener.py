"""A TLS listener that counts handshakes as connections and limits their time.

`loop.create_server` reports a connection only after the handshake, for which it waits a minute:
callers who never complete one would escape every limit.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine

from gateway.http.watched_tls import WatchedTls
from gateway.server.http_protocol import HttpProtocol
from gateway.server.limits import ServerConfig

PAUSE_S = 0.5  # when there are no file descriptors left


class TlsListener:
    """Accepts connections on a socket; has the methods that uvicorn calls on a server."""

    def __init__(
        self,
        listener: socket.socket,
        tls: WatchedTls,
        config: ServerConfig,
        protocol: Callable[[], HttpProtocol],
    ) -> None:
        """`protocol` creates a connection's protocol; needs a running event loop."""
        self._listener = listener
        self._tls = tls
        self._cap = config.cap
        self._protocol = protocol
        self._timeout_s = config.limits.header_s
        self._connections = protocol().connections
        self._loop = asyncio.get_running_loop()
        listener.setblocking(False)
        self._tasks: set[asyncio.Task[None]] = set()
        self._start(self._accept())

    def close(self) -> None:
        """Stop accepting, and cancel the handshakes."""
        for task in self._tasks:
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait until the last handshake has ended."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        while True:
            try:
                plug, _ = await self._loop.sock_accept(self._listener)
            except ConnectionAbortedError:
                continue
            except OSError:
                await asyncio.sleep(PAUSE_S)
                continue
            if not self._cap.admits(len(self._connections) + 1):
                plug.close()
                continue
            protocol = self._protocol()
            self._cap.handshakes.add(protocol)
            self._start(self._shake_hands(plug, protocol))

    async def _shake_hands(self, plug: socket.socket, protocol: HttpProtocol) -> None:
        """Perform the handshake; close the connection if it fails or takes too long."""
        try:
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._loop.connect_accepted_socket(
                lambda: protocol,
                plug,
                ssl=self._tls.context(),
                ssl_handshake_timeout=self._timeout_s,
            )
        except OSError:
            plug.close()
        finally:
            self._cap.handshakes.discard(protocol)
