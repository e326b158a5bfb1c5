"""`python -m tests.fake_engine --port N | --uds PATH ...`"""

import asyncio
import signal
import ssl
import sys
from pathlib import Path

import uvloop

from tests.fake_engine.options import Options, parse
from tests.fake_engine.server import Engine

HOST = "127.0.0.1"


async def serve(options: Options) -> None:
    """Listen until SIGTERM or SIGINT; says on stdout where."""
    await asyncio.sleep(options.start_delay)
    loop, engine, stop = asyncio.get_running_loop(), Engine(options), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.uds:
        Path(options.uds).unlink(missing_ok=True)
        server = await loop.create_unix_server(engine.connection, options.uds, backlog=2048)
        where = f"unix:{options.uds}"
    else:
        tls = context_of(options)
        server = await loop.create_server(
            engine.connection, HOST, options.port, backlog=2048, ssl=tls
        )
        port = server.sockets[0].getsockname()[1]
        where = f"{'https' if tls else 'http'}://{HOST}:{port}"
    sys.stdout.write(f"{where}\n")
    sys.stdout.flush()
    await stop.wait()
    server.close()


def context_of(options: Options) -> ssl.SSLContext | None:
    """Return TLS with the certificate of these options; None without one."""
    if options.ssl_certfile is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.ssl_certfile, options.ssl_keyfile)
    return context


if __name__ == "__main__":
    uvloop.run(serve(parse(sys.argv[1:])))
