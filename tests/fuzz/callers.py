"""Input of callers: bytes on the socket, bodies, headers, keys and tokens."""

import asyncio
import json
import re
from functools import cache
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from uvicorn.server import ServerState

from gateway.api.paths import CHAT
from gateway.api.request_text import turns_of
from gateway.auth.care_context import CareClaims
from gateway.auth.gate import read_token
from gateway.auth.jwks import Jwks, Keys, parse
from gateway.auth.jwt import JwtVerifier
from gateway.engine import openai_json
from gateway.errors import GatewayError, InvalidField, InvalidRequest, Unauthorized
from gateway.generate.request import choose_form, parse_fields
from gateway.http.exchange import Exchange
from gateway.middleware import ACCEPTED_ID, Correlation, accepted_id
from gateway.runtime.files import FileUnusable
from gateway.safety.disclaimer import Disclaimer
from gateway.safety.labels import Labels, Serving
from gateway.safety.placement import Surroundings, effective
from gateway.safety.red_flags.detection import finish
from gateway.safety.red_flags.screening import Screener
from gateway.safety.wording import Contacts, wording
from gateway.server.http_protocol import HttpProtocol
from gateway.server.limits import ConnectionCap, ConnectionLimits, ServerConfig
from gateway.settings.gateway import GatewaySettings
from tests.fuzz.engine import LOOP, Wire, cut
from tests.gateway.auth.conftest import AUDIENCE, ISSUER, Signer, jwks

LABELS = Labels.of(Disclaimer.of(None, None, "en"), "Call 112.", "k")
SCREENER = Screener.of(contacts=Contacts("112"))
SERVING = Serving(gateway_version="0", engine="vllm", engine_version=None, model="m")
ECHOED = re.compile(r"[\w-]{8,}")


def bodies(data: bytes) -> None:
    """/llm/generate: a request, or an error that quotes nothing of it."""
    try:
        ask = parse_fields(openai_json.parse_request(data)).to_prompt(
            max_tokens=512, system="You are."
        )
    except (InvalidRequest, InvalidField):
        return
    assert ask.text.strip()


def requests(data: bytes) -> None:
    """The OpenAI paths: whatever is read of a body before the engine gets it."""
    try:
        parsed = openai_json.parse_request(data)
    except GatewayError:
        return
    notices = SCREENER.notices_of(finish(SCREENER.screen(turns_of("", parsed))))
    facts = LABELS.collect_facts(parsed, data)
    first = LABELS.initial(SERVING, facts, request_id="r", notice_rules=None)
    json.dumps([first, *notices])
    Surroundings.of(first, effective("both", CHAT, parsed), wording("en")).place("text")
    extra = {"model": "m"} | openai_json.with_usage(parsed) | {"cache_salt": "s"}
    sent = openai_json.parse_request(openai_json.request_with(data, parsed, extra))
    assert sent == {**parsed, **extra}


def heads(data: bytes) -> list[tuple[bytes, bytes]]:
    """Headers, as uvicorn would hand them on."""
    lines = [line.partition(b":")[::2] for line in data.split(b"\n")]
    return [(name.strip().lower(), value.strip()) for name, value in lines]


def headers(data: bytes) -> None:
    """Keys, ids, forms and traces out of any headers."""
    pairs = heads(data)
    assert ACCEPTED_ID.fullmatch(accepted_id({"headers": pairs}) or b"-")
    for _, value in pairs:
        assert choose_form(value, stream=True) in ("sse", "text")
    try:
        token = read_token(pairs)
    except Unauthorized:
        return
    assert token
    assert token.isascii()


class Known(Jwks):
    """A key set that does not change."""

    def __init__(self, keys: Keys) -> None:
        super().__init__(never_fetched, "MMHIE_JWKS_FILE")
        self._keys = keys

    def find(self, kid: str | None) -> jwt.PyJWK | None:
        return next(iter(self._keys.values()), None)

    async def refresh(self) -> None:
        """Nothing new."""


async def never_fetched() -> bytes:
    raise FileUnusable("this key set does not change")


@cache
def gatekeeper() -> JwtVerifier:
    return JwtVerifier(Known(parse(jwks(Signer.ec()))), ISSUER, AUDIENCE, CareClaims())


def tokens(data: bytes) -> None:
    """No bytes but signed ones are a token; which ones they are is not said."""
    token = bytes(byte for byte in data if 32 < byte < 127)
    with pytest.raises(Unauthorized) as refused:
        LOOP.run_until_complete(gatekeeper().principal(token))
    said = refused.value.message
    quoted = set(ECHOED.findall(token.decode())) & set(ECHOED.findall(said))
    assert not quoted, said


class Socket(Wire):
    """A caller's socket, and what was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.is_gone = True

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """No more comes."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


OBSERVED = {"services": SimpleNamespace(observers=())}


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Reads a body as every route does, and answers."""
    exchange: Exchange = scope["exchange"]
    body = await exchange.body(max_bytes=2048)
    await exchange.respond(200, str(len(body)).encode())


@cache
def configured() -> ServerConfig:
    config = ServerConfig(
        Correlation(echo, disclaimer_version="1", wording=wording("en")),
        http=HttpProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    config.settings = GatewaySettings.model_construct(max_body_bytes=2048)
    config.limits = ConnectionLimits(header_bytes=4096)
    config.cap = ConnectionCap(1)
    config.load()
    return config


STATUS = re.compile(rb"HTTP/1\.1 (\d\d\d) ")
NEVER = (b"500", b"502", b"503", b"504")


async def called(data: bytes) -> bytes:
    """Return a connection's answer to these bytes and their end."""
    connection = HttpProtocol(config=configured(), server_state=ServerState(), app_state=OBSERVED)
    socket = Socket()
    connection.connection_made(socket)
    for piece in cut(data):
        if socket.is_gone:
            break
        connection.data_received(piece)
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    connection.eof_received()
    connection.connection_lost(None)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not connection.tasks, "a request goes on for ever"
    return socket.written


def connections(data: bytes) -> None:
    """Any bytes on a caller's socket, in any pieces: answers, none of which is a fault of ours."""
    written = LOOP.run_until_complete(called(data))
    assert not written or STATUS.match(written), written[:100]
    statuses = STATUS.findall(written)
    assert not [status for status in statuses if status in NEVER], written


CALLERS = {
    "bodies": bodies,
    "requests": requests,
    "headers": headers,
    "tokens": tokens,
    "connections": connections,
}
