"""Convert feedback to FHIR R4: a DetectedIssue for a problem, a Provenance for a sign-off.

HL7's "AI Transparency on FHIR" (STU 1 ballot, August 2026) has no resource for feedback on an
answer. DetectedIssue has a severity, an author and the resources that it is about; a Communication
has no severity, and is a message to a recipient. Both resources identify the answer by request ID
and digest, as the answer's own Provenance does.
"""

from collections.abc import Mapping
from types import MappingProxyType

from gateway.audit.fhir.elements import ANSWER, DIGEST, OWN, concept, identified, text_of
from gateway.audit.fhir.transparency import SIGNED_OFF, verifier
from gateway.runtime.json_types import Json

FEEDBACK = "urn:mmhie:feedback"
# FHIR status of a closed entry, by its outcome; an open entry is `preliminary`.
STATUS = {
    "confirmed": "final",
    "resolved": "final",
    "unfounded": "cancelled",
    "duplicate": "cancelled",
}


def resource_of(entry: Json, texts: Mapping[str, str] = MappingProxyType({})) -> Json:
    """Convert an entry to a resource; `texts` become the detail of a DetectedIssue."""
    about = [
        identified(ANSWER, entry["request_id"]),
        *(identified(DIGEST, digest) for digest in entry.get("output_digests", ())),
    ]
    if entry["category"] == "signed_off":
        return build_sign_off(entry, about)
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


def build_sign_off(entry: Json, about: list[Json]) -> Json:
    """Return the Provenance that states who signed the answer off."""
    return {
        "resourceType": "Provenance",
        "id": f"mmhie-{entry['id']}",
        "target": about,
        "recorded": entry["created"],
        "reason": [concept(SIGNED_OFF)],
        "agent": [verifier(entry)],
    }
