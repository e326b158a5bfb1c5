"""Feedback as FHIR R4: a DetectedIssue for what is wrong, a Provenance for a sign-off.

HL7's "AI Transparency on FHIR" (STU 1 ballot, August 2026) has no resource for feedback on an
answer. DetectedIssue is the one with a severity, an author and what it is about; a Communication
would need a recipient and has none of the three. Both name the answer as its own Provenance does,
by request id and digest.
"""

from collections.abc import Mapping
from types import MappingProxyType

from gateway.audit.fhir.elements import ANSWER, DIGEST, OWN, concept, identified, text_of
from gateway.audit.fhir.transparency import SIGNED_OFF, verifier
from gateway.runtime.json_types import Json

FEEDBACK = "urn:mmhie:feedback"
# Of an entry that is closed, by its outcome; an open one is preliminary.
STATUS = {
    "confirmed": "final",
    "resolved": "final",
    "unfounded": "cancelled",
    "duplicate": "cancelled",
}


def resource_of(entry: Json, texts: Mapping[str, str] = MappingProxyType({})) -> Json:
    """Return the resource of an entry; of its texts, those that are given."""
    about = [
        identified(ANSWER, entry["request_id"]),
        *(identified(DIGEST, digest) for digest in entry.get("output_digests", ())),
    ]
    if entry["category"] == "signed_off":
        return sign_off(entry, about)
    detail = text_of("\n\nCorrected text:\n".join(texts.values()))
    return {
        "resourceType": "DetectedIssue",
        "id": f"mmhie-{entry['id']}",
        "identifier": [{"system": FEEDBACK, "value": entry["id"]}],
        "status": STATUS.get(entry.get("outcome", ""), "preliminary"),
        "code": concept({"system": FEEDBACK, "code": entry["category"]}),
        "severity": entry["severity"],
        "identifiedDateTime": entry["created"],
        "author": identified(OWN, entry["client"]),
        "implicated": about,
        **({"detail": detail} if detail else {}),
    }


def sign_off(entry: Json, about: list[Json]) -> Json:
    """Return who stands by which answer."""
    return {
        "resourceType": "Provenance",
        "id": f"mmhie-{entry['id']}",
        "target": about,
        "recorded": entry["created"],
        "reason": [concept(SIGNED_OFF)],
        "agent": [verifier(entry)],
    }
