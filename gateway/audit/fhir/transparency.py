"""Authorship of an answer: Provenance and Device as HL7's guide "AI Transparency on FHIR" has them.

Source: http://hl7.org/fhir/uv/aitransparency, STU 1 ballot (github.com/HL7/aitransparency-ig,
August 2026), profiles AI-Provenance and AI-Device. What the guide's prompt and output resources
would hold is not here: the trail has no text. Both are named by their digests, as the answer's own
label names them, so that a system that kept the answer can find its Provenance.
"""

import hashlib
from collections.abc import Sequence

import orjson

from gateway.audit.entry import PROGRAMS, WEIGHTS
from gateway.audit.fhir.elements import (
    ANSWER,
    DIGEST,
    ID_HEX,
    OWN,
    coding,
    concept,
    identified,
    record_id,
    text_of,
)
from gateway.runtime.json_types import Json

GUIDE = "http://hl7.org/fhir/uv/aitransparency"
KINDS = f"{GUIDE}/CodeSystem/AIdeviceTypeCS"
AI = {"coding": [{"system": KINDS, "code": "Artificial-Intelligence"}]}  # exactly, by the guide
PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
ASSERTED = coding(
    "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "AIAST",
    "Artificial Intelligence asserted",
)
SIGNED_OFF = coding(
    "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "CLINAST", "clinician asserted"
)
VERSIONS = (*WEIGHTS[1:], *PROGRAMS)  # the model's name is the device's


def device(record: Json) -> Json:
    """Return the model and what runs it; the same for every answer of the same service."""
    versions = {name: text_of(record[name]) for name in VERSIONS if record.get(name)}
    known = orjson.dumps([record["model"], versions])
    return {
        "resourceType": "Device",
        "id": f"mmhie-{hashlib.sha256(known).hexdigest()[:ID_HEX]}",
        "meta": {"profile": [f"{GUIDE}/StructureDefinition/AI-Device"]},
        "extension": [
            {
                "url": f"{GUIDE}/StructureDefinition/aitransparency.AIKind",
                "valueCodeableConcept": concept(
                    coding(KINDS, "Large-Language-Models", "Large Language Models")
                ),
            }
        ],
        "identifier": [{"system": OWN, "value": text_of(record["model"])}],
        "deviceName": [{"name": text_of(record["model"]), "type": "model-name"}],
        "type": AI,
        "version": [
            {"type": {"text": name}, "value": value} for name, value in versions.items() if value
        ],
    }


def provenance(record: Json, device_id: str, sign_offs: Sequence[Json] = ()) -> Json:
    """Return what was made of what, by which device; of a broken answer, its beginning.

    Who signed it off is a verifier, as in the guide's examples. The guide's own code for a human
    who stands by what a machine said is gone since its ballot (FHIR-57918): `CLINAST` is older.
    """
    digests = record.get("output_digests", ())
    return {
        "resourceType": "Provenance",
        "id": record_id(record),
        "meta": {"profile": [f"{GUIDE}/StructureDefinition/AI-Provenance"]},
        "target": [
            identified(ANSWER, record["request_id"]),
            *(identified(DIGEST, digest) for digest in digests),
        ],
        "occurredDateTime": record["time"],
        "recorded": record["time"],
        "reason": [concept(ASSERTED), *([concept(SIGNED_OFF)] if sign_offs else [])],
        "agent": [
            {
                "type": concept(coding(PARTICIPANT, "author", "Author")),
                "role": [AI],
                "who": {"reference": f"Device/{device_id}"},
            },
            *map(verifier, sign_offs),
        ],
        "entity": [{"role": "derivation", "what": identified(DIGEST, record["prompt_digest"])}],
    }


def verifier(sign_off: Json) -> Json:
    """Return who signed an answer off."""
    who = text_of(sign_off.get("reviewer") or sign_off.get("client") or "")
    return {
        "type": concept(coding(PARTICIPANT, "verifier", "Verifier")),
        "who": identified(OWN, who) if who else {"display": "unknown"},
    }
