"""An access token for the FHIR server by OAuth 2.0's client credentials (RFC 6749, 4.4).

The client shows its secret, or signs with its private key (`private_key_jwt`), which SMART Backend
Services asks for: https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html.
"""

import base64
import time
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import Self
from urllib.parse import quote

import httpx2
import jwt
import orjson

from gateway.settings.gateway import GatewaySettings, SettingsError

TOKEN_S, MARGIN_S = 300, 10  # of a token that does not say how long it holds; before its end
ASSERTION_S = 60
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
Exchanges = Generator[httpx2.Request, httpx2.Response, None]


class RepositoryUnavailable(Exception):
    """The server takes no event now; the message says why, in the middle of a sentence."""


class ClientCredentials(httpx2.Auth):
    """Puts a token on each request: renewed when it ends, or the server no longer takes it.

    The file has the client's id and, below it, its secret or its private key as a JWK.
    """

    requires_response_body = True

    def __init__(self, url: str, file: Path, scope: str | None) -> None:
        self._url = url
        self._file = file
        self._form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        self._token = ""
        self._until = float("-inf")

    @classmethod
    def of(cls, settings: GatewaySettings) -> Self | None:
        """Return None where no token is asked for; raises SettingsError."""
        url, file = settings.audit_fhir_token_url, settings.audit_fhir_client_file
        if url is None or file is None:
            return None
        credentials = cls(url, file, settings.audit_fhir_scope)
        try:
            credentials.token_request()
        except OSError as problem:
            reason = f"cannot be read ({problem.strerror})"
        except ValueError as problem:
            reason = f"has {problem}"
        else:
            return credentials
        raise SettingsError(f"MMHIE_AUDIT_FHIR_CLIENT_FILE {reason}.")

    def auth_flow(self, request: httpx2.Request) -> Exchanges:
        """Put a token on a request, after a request for one where it is time."""
        if time.monotonic() >= self._until:
            yield from self._renew()
        request.headers["authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == httpx2.codes.UNAUTHORIZED:
            self._until = float("-inf")

    def _renew(self) -> Exchanges:
        try:
            request = self.token_request()
        except ValueError as problem:
            raise RepositoryUnavailable(f"MMHIE_AUDIT_FHIR_CLIENT_FILE has {problem}") from None
        response = yield request
        try:
            answer = orjson.loads(response.raise_for_status().content)
            holds_s = int(answer.get("expires_in") or TOKEN_S)
            if not isinstance(answer["access_token"], str):
                raise TypeError
            self._token = answer["access_token"]
        except (httpx2.HTTPStatusError, ValueError, KeyError, TypeError, AttributeError):
            status = response.status_code
            raise RepositoryUnavailable(f"the token server answers {status}, no token") from None
        self._until = time.monotonic() + holds_s - MARGIN_S

    def token_request(self) -> httpx2.Request:
        """Return the request for a token.

        Raises OSError for a file that cannot be read, ValueError for a key that cannot sign.
        """
        text = self._file.read_text("utf-8", errors="replace")
        client, _, secret = (part.strip() for part in text.partition("\n"))
        form, headers = dict(self._form), {"accept": "application/json"}
        if secret.startswith("{"):
            form["client_assertion_type"] = ASSERTION_TYPE
            form["client_assertion"] = assertion(client, self._url, secret)
        else:
            headers["authorization"] = basic(client, secret)
        return httpx2.Request("POST", self._url, data=form, headers=headers)


def basic(client: str, secret: str) -> str:
    """Return a client's credentials, each part encoded as RFC 6749 (2.3.1) has it."""
    pair = ":".join(quote(part, safe="") for part in (client, secret))
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def assertion(client: str, url: str, key: str) -> str:
    """Return a JWT that a client signs with its private key (RFC 7523); raises ValueError."""
    until = int(time.time()) + ASSERTION_S
    claims = {"iss": client, "sub": client, "aud": url, "jti": str(uuid.uuid4()), "exp": until}
    try:
        fields = orjson.loads(key)
        default = "RS384" if fields["kty"] == "RSA" else None  # else by the curve
        jwk = jwt.PyJWK(fields, fields.get("alg") or default)
        return jwt.encode(claims, jwk.key, jwk.algorithm_name, {"kid": fields["kid"]})
    except (jwt.PyJWTError, ValueError, KeyError, TypeError, AttributeError):
        raise ValueError("no private JWK with `kid` on its second line") from None
