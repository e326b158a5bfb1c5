"""Authorship of an answer: Provenance and Device as HL7's guide "AI Transparency on FHIR" has them.

Source: http://hl7.org/fhir/uv/aitransparency, STU 1 ballot (github.com/HL7/aitransparency-ig,
August 2026), profiles AI-Provenance and AI-Device. What the guide's prompt and output resources
would hold is not here: the trail has no text. Both are named by their digests, as the answer's own
label names them, so that a system that kept the answer can find its Provenance.
"""

import hashlib

import orjson

from gateway.audit.entry import PROGRAMS, WEIGHTS
from gateway.audit.fhir.elements import (
    ANSWER,
    DIGEST,
    ID_HEX,
    OWN,
    coding,
    concept,
    header_id,
    identified,
    record_id,
    text_of,
)
from gateway.json_types import Json

GUIDE = "http://hl7.org/fhir/uv/aitransparency"
KINDS = f"{GUIDE}/CodeSystem/AIdeviceTypeCS"
AI = {"coding": [{"system": KINDS, "code": "Artificial-Intelligence"}]}  # exactly, by the guide
PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
ASSERTED = coding(
    "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "AIAST",
    "Artificial Intelligence asserted",
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


def provenance(record: Json, device_id: str) -> Json:
    """Return what was made of what, by which device; of a broken answer, its beginning."""
    digests = record.get("output_digests", ())
    return {
        "resourceType": "Provenance",
        "id": record_id(record),
        "meta": {"profile": [f"{GUIDE}/StructureDefinition/AI-Provenance"]},
        "target": [
            identified(ANSWER, header_id(record)),
            *(identified(DIGEST, digest) for digest in digests),
        ],
        "occurredDateTime": record["time"],
        "recorded": record["time"],
        "reason": [concept(ASSERTED)],
        "agent": [
            {
                "type": concept(coding(PARTICIPANT, "author", "Author")),
                "role": [AI],
                "who": {"reference": f"Device/{device_id}"},
            }
        ],
        "entity": [{"role": "derivation", "what": identified(DIGEST, record["prompt_digest"])}],
    }
