"""A strict FHIR server for AuditEvents, with what a real one may do wrong.

It validates with a library that knows the standard, and by what BALP's profiles require
(github.com/IHE/ITI.BasicAudit, input/fsh/PatientCreate.fsh).
"""

import base64
import json
import ssl
import threading
import time
import urllib.parse
import warnings
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import jwt

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the library's own, about pydantic
    from fhir.resources.R4B.auditevent import AuditEvent

PROFILES = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
DATA_ROLES = ("1", "3", "4", "15", "20", "24")  # some of what BALP's RestObjectRoles allows
Event = dict[str, Any]


class StrictRepository(ThreadingHTTPServer):
    """Takes events at /fhir/AuditEvent; `judge` may refuse any of them.

    With a secret it gives out tokens at /token, and takes no event without the newest.
    """

    def __init__(
        self,
        *,
        context: ssl.SSLContext | None = None,
        secret: str = "",
        key: jwt.PyJWK | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", 0), Receiving)
        self.events: list[Event] = []
        self.raw = bytearray()  # of all requests
        self.judge: Callable[[Event], int] = lambda _: 201
        self.knows_conditions, self.refuses_conditions = True, False
        self.taking = threading.Lock()
        self.delay_s = 0.0  # of each event
        self.down = 0  # a status for whatever comes
        self.instead = b""  # what somebody else answers, with 200
        self.secret, self.tokens = secret, 0
        self.key, self.assertions = key, set[str]()  # a client's public key; ids of what it signed
        self.url = f"http{'s' if context else ''}://localhost:{self.server_port}/fhir"
        if context is not None:
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, *_: object) -> None:
        """Keep quiet about those who hang up."""

    @property
    def seqs(self) -> list[int]:
        """The numbers of the lines that came, in their order."""
        return list(map(seq_of, self.events))

    def take(self, event: Event, condition: str | None) -> int:
        """Return the status for an event; if it is there, it is not created on condition."""
        time.sleep(self.delay_s)
        status = 400 if condition and self.refuses_conditions else self.judge(event)
        with self.taking:
            known = {event["meta"]["source"] for event in self.events}
            if condition and self.knows_conditions and condition.removeprefix("_source=") in known:
                return 200
            if status == 201:
                AuditEvent.model_validate(event)
                check_profile(event)
                self.events.append(event)
        return status


class Receiving(BaseHTTPRequestHandler):
    server: StrictRepository
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.raw += str(self.headers).encode() + body
        if self.server.down or self.server.instead:
            self.answer(self.server.down or 200, self.server.instead)
        elif self.path == "/token":
            self.give_token(urllib.parse.parse_qs(body.decode()))
        elif self.has_clients and self.headers["authorization"] != f"Bearer {self.token}":
            self.answer(401)
        elif {self.headers["content-type"], self.headers["accept"]} != {"application/fhir+json"}:
            self.answer(415)
        else:
            self.receive(json.loads(body))

    @property
    def token(self) -> str:
        return f"token-{self.server.tokens}"

    @property
    def has_clients(self) -> bool:
        return bool(self.server.secret or self.server.key)

    def give_token(self, form: dict[str, list[str]]) -> None:
        """Check a client as RFC 6749 or SMART has it, and give it an hour."""
        is_right = self.has_signed(form) if self.server.key else self.has_secret()
        if not is_right or form != {"grant_type": ["client_credentials"], "scope": ["audit"]}:
            self.answer(401, {"error": "invalid_client"})
            return
        self.server.tokens += 1
        self.answer(200, {"access_token": self.token, "expires_in": 3600})

    def has_secret(self) -> bool:
        pair = base64.b64decode(self.headers["authorization"].removeprefix("Basic ")).decode()
        client, secret = map(urllib.parse.unquote, pair.split(":"))
        return (client, secret) == ("mm:hie", self.server.secret)

    def has_signed(self, form: dict[str, list[str]]) -> bool:
        """Check an assertion as SMART Backend Services does: of this server, short, and once."""
        key = self.server.key
        assert key is not None
        (kind,), (signed,) = form.pop("client_assertion_type"), form.pop("client_assertion")
        url = self.server.url.removesuffix("/fhir") + "/token"
        try:
            claims = jwt.decode(signed, key, [key.algorithm_name], audience=url)
        except jwt.PyJWTError:
            return False
        is_new = claims["jti"] not in self.server.assertions
        self.server.assertions.add(claims["jti"])
        return (
            is_new
            and kind == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            and jwt.get_unverified_header(signed)["kid"] == key.key_id
            and claims["iss"] == claims["sub"] == "mm:hie"
            and claims["exp"] <= time.time() + 300
        )

    def receive(self, resource: Event) -> None:
        if self.path == "/fhir/AuditEvent":
            self.answer(self.server.take(resource, self.headers["if-none-exist"]))
        else:
            self.answer(404)

    def answer(self, status: int, content: object = None) -> None:
        told = content if isinstance(content, bytes) else json.dumps(content).encode()
        body = told if content else b""
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


def seq_of(event: Event) -> int:
    """Return the number of the line that an event is of."""
    details = event["entity"][-1]["detail"]
    return int(next(detail["valueString"] for detail in details if detail["type"] == "seq"))


def check_profile(event: Event) -> None:
    """Check what the profile that an event claims requires, if it claims one."""
    for profile in event.get("meta", {}).get("profile", ()):
        check_create(event)
        if profile == f"{PROFILES}PatientCreate":
            check_patient(event)
        else:
            assert profile == f"{PROFILES}Create"


def check_create(event: Event) -> None:
    """BALP 1.1.4, profile IHE.BasicAudit.Create."""
    assert event["type"]["code"] == "rest"
    assert [coding["code"] for coding in event["subtype"]] == ["create"]
    assert (event["action"], event["outcome"]) == ("C", "0")
    for role in ("110153", "110152"):
        (agent,) = agents_of(event, role)
        assert agent["who"]
        assert agent["network"]["address"]
    for user in agents_of(event, "AUT"):
        assert user["who"]["identifier"]["value"]
        assert user["requestor"] is True
        assert "network" not in user
    assert sum(agent["requestor"] for agent in event["agent"]) == 1
    (transaction,) = entities_of(event, "XrequestId")
    assert transaction["what"]["identifier"]["value"]
    (data,) = entities_of(event, "2")
    assert data["role"]["code"] in DATA_ROLES
    assert data["what"]["identifier"]["value"]


def check_patient(event: Event) -> None:
    """Check the additions of IHE.BasicAudit.PatientCreate."""
    (patient,) = entities_of(event, "1")
    assert patient["role"]["code"] == "1"
    assert patient["what"]["type"] == "Patient"


def agents_of(event: Event, code: str) -> list[Event]:
    return [agent for agent in event["agent"] if agent["type"]["coding"][0]["code"] == code]


def entities_of(event: Event, code: str) -> list[Event]:
    return [entity for entity in event["entity"] if entity["type"]["code"] == code]
