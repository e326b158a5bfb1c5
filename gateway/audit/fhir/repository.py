"""A FHIR server that takes AuditEvents as IHE's ITI-20 sends them, one at a time.

Source: RESTful ATNA, https://profiles.ihe.net/ITI/RESTfulATNA, transaction ITI-20.
"""

import ssl
import time
from collections.abc import Mapping
from typing import Self

import httpx2
import orjson

from gateway.audit.fhir.audit_event import audit_event
from gateway.audit.fhir.client_credentials import ClientCredentials, RepositoryUnavailable
from gateway.audit.patient_seal import PatientSeal
from gateway.http.client_tls import ClientTls
from gateway.runtime.json_types import Json
from gateway.settings.gateway import GatewaySettings

TIMEOUT_S = 10.0
LONGEST = 1 << 20  # bytes of an answer: many times what one about a batch has
FHIR_JSON = "application/fhir+json"
HEADERS = {"content-type": FHIR_JSON, "accept": FHIR_JSON, "prefer": "return=minimal"}
# What FHIR answers for the content of one event.
REFUSED = frozenset({400, 409, 412, 413, 422})
SEVERAL = 412  # events fulfil the condition of a conditional create
# Of the access or the moment: it would be the same for every event.
UNAVAILABLE = frozenset({401, 403, 404, 408, 429, 503})


class NotTaken(RepositoryUnavailable):
    """The server does not say that it took what was sent. It may have; or this one event is too
    much for it."""


class Repository:
    """Sends events over one connection. Not thread-safe."""

    def __init__(
        self,
        url: str,
        tls: ClientTls,
        auth: ClientCredentials | None = None,
        seal: PatientSeal | None = None,
    ) -> None:
        self._url = url
        self._tls = tls
        self._auth = auth
        self._seal = seal
        self._context: ssl.SSLContext | None = None
        self._client: httpx2.Client | None = None

    @classmethod
    def of(cls, settings: GatewaySettings) -> Self:
        """Raises SettingsError for a file that cannot be used."""
        url, tls = settings.audit_fhir_url or "", ClientTls(settings.client_tls)
        return cls(url, tls, ClientCredentials.of(settings), PatientSeal.from_settings(settings))

    def send(self, record: Json, *, repeated: bool) -> int:
        """Send the event of a record; return the status, 2xx or one of REFUSED. A `repeated` one is
        created on condition that the server does not have it.

        Raises RepositoryUnavailable, NotTaken or OSError.
        """
        event = audit_event(self._seal.open(record) if self._seal else record)
        condition = {"if-none-exist": f"_source={event['meta']['source']}"}
        status = self._create(event, condition if repeated else {})
        if repeated and status == SEVERAL:
            return 200
        if repeated and status in REFUSED:  # perhaps not the event, but the condition
            status = self._create(event, {})
        return status

    def _create(self, event: Json, headers: Mapping[str, str]) -> int:
        response = self._post(event, headers)
        if response.is_redirect or response.status_code in UNAVAILABLE:
            raise RepositoryUnavailable(f"it answers {response.status_code}")
        status = response.status_code
        if status == httpx2.codes.OK and not is_taken(response.content):
            raise NotTaken("it answers 200, and not that it has taken the event")
        if not response.is_success and status not in REFUSED:
            raise NotTaken(f"it answers {status}")
        return status

    def _post(self, event: Json, headers: Mapping[str, str]) -> httpx2.Response:
        url, body = f"{self._url}/AuditEvent", orjson.dumps(event)
        try:
            client = self._connect()
            with client.stream(
                "POST", url, content=body, headers={**HEADERS, **headers}
            ) as response:
                return read_whole(response)
        except httpx2.HTTPError as error:
            is_away = isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout))
            kind = RepositoryUnavailable if is_away else NotTaken
            raise kind(f"it cannot be reached ({explain(error)})") from None

    def _connect(self) -> httpx2.Client:
        """Return a client that believes the certificates as they are now."""
        context = self._tls.context()
        if self._client is None or context is not self._context:
            self.close()
            self._client = httpx2.Client(verify=context, auth=self._auth, timeout=TIMEOUT_S)
            self._context = context
        return self._client

    def warnings(self) -> list[str]:
        return self._tls.warnings()

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def read_whole(response: httpx2.Response) -> httpx2.Response:
    """Return an answer with its content; raises NotTaken for one without an end."""
    content, until = bytearray(), time.monotonic() + TIMEOUT_S
    for piece in response.iter_bytes():
        content += piece
        if len(content) > LONGEST or time.monotonic() > until:
            raise NotTaken("its answer has no end")
    return httpx2.Response(response.status_code, content=bytes(content))


def is_taken(content: bytes) -> bool:
    """Return whether an answer with 200 is empty, or FHIR's and of no error: the page of a login
    or a proxy comes with 200, too."""
    try:
        answer: Json = orjson.loads(content or b'{"resourceType": "Bundle"}')
        severities = {issue["severity"] for issue in answer.get("issue", ())}
        return "resourceType" in answer and not severities & {"error", "fatal"}
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def explain(error: httpx2.HTTPError) -> str:
    """Return what the system or TLS says of a connection, else the kind of the failure: what a
    server sent is in no log."""
    return str(error) if isinstance(error, httpx2.ConnectError) else type(error).__name__
