"""The user, the patient and the purpose of a request, for the audit trail.

They come from a token's claims, or from headers if the key has the scope `on_behalf`.
"""

import base64
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self
from urllib.parse import unquote

from gateway.auth.purposes import PurposeTable, join_coding
from gateway.errors import Forbidden, InvalidRequest, Unauthorized
from gateway.http.exchange import RawHeaders, values_of
from gateway.principal import (
    LONGEST_NAME,
    PURPOSES,
    CareContext,
    Principal,
    Scope,
    TokenFacts,
    UserSource,
    is_name,
)
from gateway.runtime.json_types import Json
from gateway.runtime.log import log
from gateway.settings.access import AccessSettings

ON_BEHALF: Scope = "on_behalf"
USER, PATIENT, PURPOSE = b"x-mmhie-user", b"x-mmhie-patient", b"x-mmhie-purpose"
SPELLED = {USER: "X-MMHIE-User", PATIENT: "X-MMHIE-Patient", PURPOSE: "X-MMHIE-Purpose"}
BASE64 = b"b64:"
IUA = "extensions.ihe_iua"  # where IHE's profile of tokens has its claims
CLIENT_CLAIMS = ("client_id", "azp")  # a subject that is one of these is an application
# How issuers mark a token that an application got for itself: Entra ID, Auth0, Keycloak.
OF_APPLICATION = (
    ("idtyp", "app"),
    ("gty", "client-credentials"),
    ("preferred_username", "service-account-"),
)


@dataclass(frozen=True, slots=True)
class CareClaims:
    """Names of claims, in order of preference, and the purposes that are known."""

    user: tuple[str, ...] = ()
    patient: tuple[str, ...] = ()
    purpose: tuple[str, ...] = ()
    purposes: PurposeTable = field(default_factory=PurposeTable.load)

    @classmethod
    def of(cls, settings: AccessSettings) -> Self:
        return cls(
            settings.jwt_user_claims,
            settings.jwt_patient_claims,
            settings.jwt_purpose_claims,
            PurposeTable.load(settings.purposes_file),
        )


def read_context(claims: Json, names: CareClaims) -> CareContext:
    """Return the context in verified claims; raise Unauthorized for an invalid value."""
    user = read_name(claims, names.user, "USER", besides=find_applications(claims))
    return CareContext(
        user,
        read_name(claims, names.patient, "PATIENT"),
        read_purposes(claims, names),
        user_source="token" if user else None,
        token=TokenFacts(
            read_fact(claims, "fhirUser"),
            read_fact(claims, "jti"),
            *(read_fact(claims, name, f"{IUA}.{name}") for name in TokenFacts._fields[2:]),
        ),
    )


def find_applications(claims: Json) -> list[object]:
    """Return the values in a token that name an application, not a person."""
    is_own_token = any(str(claims.get(name)).startswith(start) for name, start in OF_APPLICATION)
    return [*map(claims.get, CLIENT_CLAIMS), *([claims.get("sub")] if is_own_token else [])]


def read_name(
    claims: Json, names: Iterable[str], kind: str, besides: Sequence[object] = ()
) -> str | None:
    """Return the first of these claims that is not in `besides`; raise Unauthorized for an invalid
    name."""
    for value in find_values(claims, names):
        if isinstance(value, str) and is_name(value):
            if value not in besides:
                return value
            continue
        raise Unauthorized(
            f"The token's claim of MMHIE_JWT_{kind}_CLAIMS must be 1 to 255 printable characters; "
            "get a token with it, or have that setting name another claim."
        )
    return None


def read_fact(claims: Json, *names: str) -> str | None:
    """Return the text, or the codes, in the first of these claims; None if it is no valid name."""
    sent = next(find_values(claims, names), None)
    parts = [
        join_coding(part) if isinstance(part, dict) else part
        for part in (sent if isinstance(sent, list) else [sent])
    ]
    text = ", ".join(part for part in parts if isinstance(part, str))
    return text if is_name(text) else None


def read_purposes(claims: Json, names: CareClaims) -> tuple[str, ...]:
    """Return the purposes in the first of these claims: a code, a coding, or a list of either;
    raise Unauthorized for one that is no code, and for too much unmapped text."""
    sent = next(find_values(claims, names.purpose), ())
    read = [
        names.purposes.read(each) for each in (sent if isinstance(sent, list | tuple) else (sent,))
    ]
    codes = tuple(dict.fromkeys(code for code in read if code is not None and is_code(code)))
    is_short = PURPOSES.issuperset(codes) or len(",".join(codes)) <= LONGEST_NAME
    if len(codes) < len(set(read)) or not is_short:
        raise Unauthorized(
            "The token's claim of MMHIE_JWT_PURPOSE_CLAIMS must be codes: HL7's, or 255 characters "
            "of ASCII without spaces and quotes; get a token with such, or have that setting name "
            "another claim."
        )
    return codes


def find_values(claims: Json, names: Iterable[str]) -> Iterator[object]:
    """Yield the values of the claims that are present; a name may be a path, `a.b`."""
    for name in names:
        value = claims.get(name)
        if value is None:
            value = claims
            for part in name.split("."):
                value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            yield value


@dataclass(frozen=True, slots=True)
class CareHeaders:
    """The headers that name user, patient and purpose, for keys with the scope `on_behalf`.

    `spelled` has the usual spelling of each. If a request has several that name the user, the
    first in `spelled` counts.
    """

    spelled: Mapping[bytes, str]
    purposes: PurposeTable = field(default_factory=PurposeTable.load)

    @classmethod
    def of(cls, settings: AccessSettings) -> Self:
        spelled = SPELLED | {name.lower().encode(): name for name in settings.user_headers}
        return cls(spelled, PurposeTable.load(settings.purposes_file))

    def apply(self, principal: Principal, sent: Sequence[bytes], headers: RawHeaders) -> Principal:
        """Return the principal with the context in the headers `sent`, which override its token;
        raise Forbidden without the scope, or for a person whom the key may not name, InvalidRequest
        for an invalid value."""
        if ON_BEHALF not in principal.scopes:
            raise Forbidden(
                f"This key may not speak for others with {self.spelled[sent[0]]}; it lacks the "
                f"scope `{ON_BEHALF}`: ask the operator for it, or send no such header."
            )
        return replace(principal, care=self._context(sent, headers, principal))

    def _context(
        self, sent: Sequence[bytes], headers: RawHeaders, principal: Principal
    ) -> CareContext:
        own = principal.care
        values = {name: self._value(headers, name) for name in self.spelled if name in sent}
        patient = values.pop(PATIENT, own.patient)
        purpose = self.purposes.read(values.pop(PURPOSE, None))
        if purpose is not None and not is_code(purpose):
            raise InvalidRequest(
                "X-MMHIE-Purpose must be a code in ASCII without spaces and quotes, such as TREAT."
            )
        user = next(iter(values.values()), own.user)
        if user != own.user and principal.users and user not in principal.users:
            raise Forbidden("This key may not name this person; ask the operator for it.")
        source: UserSource | None = own.user_source if user == own.user else "header"
        return own._replace(
            user=user,
            patient=patient,
            purposes=(purpose,) if purpose else own.purposes,
            user_source=source,
        )

    def _value(self, headers: RawHeaders, name: bytes) -> str:
        """Return the value of a header; raise InvalidRequest for two, or for an invalid name."""
        value, *more = values_of(headers, name)
        text = value.decode("utf-8", "replace") if name in SPELLED else decode_forwarded(value)
        if more or not is_name(text):
            raise InvalidRequest(
                f"{self.spelled[name]} must be sent once, as 1 to 255 printable characters in "
                "UTF-8 without `{{`."
            )
        return text


def decode_forwarded(value: bytes) -> str:
    """Decode the name in a front end's header: Open WebUI percent-encodes it, LibreChat sends
    Latin-1, or Base64 of UTF-8 after `b64:`. Return an empty text for invalid Base64."""
    try:
        if value.startswith(BASE64):
            return base64.b64decode(value.removeprefix(BASE64), validate=True).decode()
    except ValueError:
        return ""
    try:
        return unquote(value.decode())
    except UnicodeDecodeError:
        return value.decode("latin-1")


def is_code(text: str) -> bool:
    """Return whether a text may be a code: the audit trail takes no sentences, and a slot of its
    journal has no room for more."""
    return re.fullmatch(rf"[!#-\[\]-~]{{1,{LONGEST_NAME}}}", text) is not None


MISSING = (
    "This service needs {what}: send a token that has it, or {header} with a key of the scope "
    f"`{ON_BEHALF}`."
)
UNMAPPED = (
    "This service needs a purpose of use that it knows; send a code of HL7's PurposeOfUse, such as "
    "TREAT."
)


def check_context(care: CareContext, required: Collection[str]) -> None:
    """Raise InvalidRequest if a request to the model lacks a required `user` or `purpose`; warn of
    an unmapped purpose where none is required."""
    if "user" in required and care.user is None:
        raise InvalidRequest(MISSING.format(what="the person who asks", header=SPELLED[USER]))
    if "purpose" in required and not care.purposes:
        raise InvalidRequest(MISSING.format(what="a purpose of use", header=SPELLED[PURPOSE]))
    if PURPOSES.issuperset(care.purposes):
        return
    if "purpose" in required:
        raise InvalidRequest(UNMAPPED)
    log.warning("a purpose of use is no code of HL7, nor mapped to one; the audit trail has it")
