"""Build the FHIR Provenance of an answer, and the Device (the model) that wrote it.

They follow HL7's guide "AI Transparency on FHIR": http://hl7.org/fhir/uv/aitransparency, STU 1
ballot (github.com/HL7/aitransparency-ig, August 2026), profiles AI-Provenance and AI-Device. The
guide's resources for prompt and output are left out, because the audit trail contains no text.
Instead, prompt and answer are identified by the digests that the answer's own label also has, so
that a system that stored the answer can find its Provenance.
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
AI = {"coding": [{"system": KINDS, "code": "Artificial-Intelligence"}]}  # fixed by the guide
PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
ASSERTED = coding(
    "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "AIAST",
    "Artificial Intelligence asserted",
)
SIGNED_OFF = coding(
    "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "CLINAST", "clinician asserted"
)
VERSIONS = (*WEIGHTS[1:], *PROGRAMS)  # WEIGHTS[0] is the model, which names the device


def device(record: Json) -> Json:
    """Return the Device: the model and the versions of its weights and software.

    Its id is the same for all answers with the same versions.
    """
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
    """Return the Provenance: answer, prompt, device, and the clinicians who signed the answer off.

    A clinician is a `verifier`, as in the guide's examples. The guide removed its own code for
    human approval after the ballot (FHIR-57918), so the older `CLINAST` is used. Of an answer that
    broke off, the digest covers the part that was sent.
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
    """Return the agent for the clinician, or else the client, that signed an answer off."""
    who = text_of(sign_off.get("reviewer") or sign_off.get("client") or "")
    return {
        "type": concept(coding(PARTICIPANT, "verifier", "Verifier")),
        "who": identified(OWN, who) if who else {"display": "unknown"},
    }
