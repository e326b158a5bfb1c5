"""TLS as a server: the certificate, the authority for client certificates, and the listener."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path

from gateway.http.watched_tls import WatchedTls, new_context, no_password
from gateway.server.http_protocol import HttpProtocol
from gateway.server.limits import ServerConfig
from gateway.settings.gateway import GatewaySettings

NAMES = "MMHIE_TLS_CERTIFICATE, MMHIE_TLS_KEY or MMHIE_TLS_CLIENT_CA"
PAUSE_S = 0.5  # when there are no file descriptors left


def load_server_tls(settings: GatewaySettings) -> WatchedTls | None:
    """Load the files; return None without TLS, raise SettingsError for files that are unusable."""
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None or key is None:
        return None
    client_ca = settings.tls_client_ca
    files = (certificate, key, client_ca)
    return WatchedTls(NAMES, files, lambda: make_server_context(certificate, key, client_ca))


def make_server_context(certificate: Path, key: Path, client_ca: Path | None) -> ssl.SSLContext:
    """Return a new context; raises OSError.

    Loading new files into the old context could leave half of a pair in it, or keep a certificate
    with another type of key.
    """
    context = new_context(ssl.PROTOCOL_TLS_SERVER)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificate, key, password=no_password)
    return context


class TlsListener:
    """Accepts connections on a socket; has the methods that uvicorn calls on a server.

    It counts handshakes as connections and limits their time: `loop.create_server` reports a
    connection only after the handshake, for which it waits a minute, so that callers who never
    complete one would escape every limit.
    """

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
