"""Elements that several resources have: identifiers, codes, references, clean text."""

import re

from gateway.api.paths import COUNT, DETOKENIZE, TOKENIZE
from gateway.runtime.json_types import Json

OWN = "urn:mmhie:audit"
ANSWER, DIGEST = "urn:mmhie:answer", "urn:mmhie:digest"
ID_HEX = 48  # of a MAC or digest, after the prefix: an id has at most 64 characters
OK = 200
# Paths whose response is a count, in which no model says anything.
COUNTS = (TOKENIZE, DETOKENIZE, COUNT)
# What FHIR's `string` cannot hold: control characters, and white space it does not know.
UNPRINTABLE = re.compile(r"[^\S \t\r\n]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def record_id(record: Json) -> str:
    """Return an id that no other record of any gateway has: the MAC covers all before it."""
    return f"mmhie-{record['mac'][:ID_HEX]}"


def has_answer(record: Json) -> bool:
    """Return whether a model's words went to the client, all of them or the beginning."""
    is_answered = record["kind"] == "request" and record.get("status") == OK and "model" in record
    return is_answered and record.get("route") not in COUNTS


def coding(system: str, code: str, display: str) -> dict[str, str]:
    return {"system": system, "code": code, "display": display}


def concept(*codings: dict[str, str]) -> Json:
    return {"coding": list(codings)}


def identified(system: str, value: object) -> Json:
    """Return a logical reference: by a business identifier, to something no FHIR server has."""
    return {"identifier": {"system": system, "value": text_of(value)}}


def text_of(value: object) -> str:
    """Return a value as FHIR's `string`, which is never empty; "" where there is nothing to say."""
    if isinstance(value, list):
        value = " ".join(map(str, value))
    if isinstance(value, dict):
        value = " ".join(f"{name}={part}" for name, part in value.items())
    if isinstance(value, bool):
        value = str(value).lower()
    text = str(value)
    if not text.isprintable():  # nearly all are
        text = UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
    return text.strip() and text


def header_id(record: Json) -> str:
    """Return the id that the response's X-Request-Id had, by which others know the request; a
    caller may send one twice, and `request_id` is the gateway's own."""
    return str(record.get("caller_request_id") or record["request_id"])
