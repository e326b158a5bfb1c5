"""AuditEvents by the elements of IHE's Basic Audit Log Patterns.

Source: BALP 1.1.4, https://profiles.ihe.net/ITI/BALP: client, server and user as agents, what the
access token says of its person and organisation (OAUTHaccessTokenUse, SAMLaccessTokenUse), the
X-Request-Id, the patient and what was created as entities. Its profiles are of successful
interactions, none of them an operation. A whole answer claims `Create`, as OpenAI's API calls what
it does, or `PatientCreate`; a request that was refused, or whose answer broke off, has the same
elements and claims nothing. The traceparent is an entity as in the Swiss record's audit profiles.
"""

import re
from collections.abc import Iterator

from gateway.audit.fhir.elements import (
    ANSWER,
    OWN,
    coding,
    concept,
    has_answer,
    header_id,
    identified,
    record_id,
    text_of,
)
from gateway.audit.patient_identifiers import NHS, identify, split
from gateway.principal import PURPOSES
from gateway.runtime.json_types import Json

CREATE = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.Create"
PATIENT_CREATE = CREATE.replace("Create", "PatientCreate")
BALP_ENTITY = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
RESTFUL = "http://hl7.org/fhir/restful-interaction"
ENTITY_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
PURPOSE = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ROLE_CLASS = "http://terminology.hl7.org/CodeSystem/v3-RoleClass"
SOURCE_TYPE = "http://terminology.hl7.org/CodeSystem/security-source-type"
# DICOM's codes for events that are not requests.
APPLICATION = {
    "start": ("110120", "Application Start"),
    "stop": ("110121", "Application Stop"),
    "query": ("110112", "Query"),
}
# Kinds of events that somebody asked for.
REQUESTED = ("request", "unfinished", "query", "hold", "release", "feedback", "feedback_closed")
OTHER = ("110100", "Application Activity")
TRACE, PATIENT = "https://www.w3.org/TR/trace-context/", "urn:mmhie:patient"
NHS_NUMBER_SYSTEM = "https://fhir.nhs.uk/Id/nhs-number"
OID = re.compile(r"[0-2](\.[0-9]+)+")
# A server refuses the whole event for any other, which a caller could send on purpose.
LITERAL = re.compile(
    r"((?:https?://[\w.~:%$&'()*+,;=@\[\]!/-]+/)?Patient/[A-Za-z0-9.-]{1,64})(?:/_history/.*)?",
    re.ASCII,
)
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
SUCCESS, MINOR, SERIOUS = "0", "4", "8"
HOST_NAME, IP_ADDRESS = "1", "2"
# Fields with an element of their own; all others are details.
ELEMENTS = {"time", "kind", "prev", "mac", "host", "caller_request_id", "client", "address"}
ELEMENTS |= {"user", "patient", "patient_sealed", "patient_identifier", "purpose", "traceparent"}
ABOUT_PERSON = {"fhir_user", "jti", "subject_name", "subject_role"}
ELEMENTS |= {*ABOUT_PERSON, "subject_organization", "home_community_id"}
AUTHOR = coding(PARTICIPATION, "AUT", "Author")
RECIPIENT = coding(PARTICIPATION, "IRCP", "information recipient")  # a token's person
PROVIDER = coding(ROLE_CLASS, "PROV", "healthcare provider")
COMMUNITY = coding("urn:ihe:iti:xca:2010", "homeCommunityId", "Home Community ID")


def audit_event(record: Json) -> Json:
    """Return the resource of a record; its digests prove nothing without the line of the trail."""
    return {
        "resourceType": "AuditEvent",
        "id": record_id(record),
        "meta": meta(record),
        **event_type(record),
        "recorded": record["time"],
        "outcome": outcome(record),
        "outcomeDesc": str(record.get("outcome", record["kind"])),
        **({"purposeOfEvent": purposes(record)} if "purpose" in record else {}),
        "agent": [client(record), server(record), *people(record), *organisations(record)],
        "source": {
            "site": text_of(record.get("host") or "unknown"),
            "observer": server(record)["who"],
            "type": [coding(SOURCE_TYPE, "4", "Application Server")],
        },
        "entity": list(entities(record)),
    }


def meta(record: Json) -> Json:
    """Return the trail's line as the source, by which the event is found again; and the profile,
    where an answer was given completely to a known address."""
    is_create = has_answer(record) and outcome(record) == SUCCESS and record.get("address")
    profile = PATIENT_CREATE if "patient" in record else CREATE
    return {"source": f"{OWN}:{record_id(record)}", **({"profile": [profile]} if is_create else {})}


def event_type(record: Json) -> Json:
    """Return type, subtype and action: an answer was created; else an operation was tried."""
    if record["kind"] != "request":
        subtype = coding(OWN, record["kind"], record["kind"])
        code, display = APPLICATION.get(record["kind"], OTHER)
        return {"type": coding(DCM, code, display), "subtype": [subtype], "action": "E"}
    interaction, action = ("create", "C") if has_answer(record) else ("operation", "E")
    return {
        "type": coding(TYPE, "rest", "RESTful Operation"),
        "subtype": [coding(RESTFUL, interaction, interaction)],
        "action": action,
    }


def outcome(record: Json) -> str:
    """Return the outcome code: 4xx is a minor failure, 5xx and a broken stream are serious."""
    status, ended = record.get("status", 200), record.get("outcome", "ok")
    if ended == "ok":
        return SUCCESS
    return MINOR if 400 <= status < 500 or ended == "client_gone" else SERIOUS


def client(record: Json) -> Json:
    """Return who asked, or the operator of a hold; of an event of the service, nobody."""
    name = text_of(record.get("client") or record.get("by") or "")
    agent: Json = {
        "type": concept(coding(DCM, "110153", "Source Role ID")),
        "who": identified(OWN, name) if name else {"display": "unknown"},
        "requestor": record["kind"] in REQUESTED and not any(people(record)),
    }
    if record.get("address"):
        agent["network"] = {"address": record["address"], "type": IP_ADDRESS}
    return agent


def server(record: Json) -> Json:
    host = text_of(record.get("host") or "unknown")
    return {
        "type": concept(coding(DCM, "110152", "Destination Role ID")),
        "who": {**identified(OWN, host), "display": "MM-HIE gateway"},
        "requestor": False,
        "network": {"address": host, "type": HOST_NAME},
    }


def people(record: Json) -> Iterator[Json]:
    """Yield the person for whom the client spoke, as the author of what was asked, and whom its
    token names, if it is not known to be the same. A person whom the client claims beside a token's
    is not the requestor."""
    token = token_facts(record)
    is_own = record.get("user_source") == "token"
    if "user" in record:
        yield {
            "type": concept(AUTHOR, *([RECIPIENT] if is_own and token else [])),
            "requestor": is_own or not token,
            **({"purposeOfUse": purposes(record)} if "purpose" in record else {}),
            **(token if is_own else {}),
            "who": reference_to(record["user"], record.get("subject_name") if is_own else None),
        }
    if token and not ("user" in record and is_own):
        who = record.get("fhir_user") or record.get("client") or "unknown"
        person = reference_to(who, record.get("subject_name"))
        yield {"type": concept(RECIPIENT), **token, "who": person}


def token_facts(record: Json) -> Json:
    """Return what an access token says of its person, empty without a token that does."""
    if not ABOUT_PERSON & record.keys():
        return {}
    name, role, jti = (record.get(field) for field in ("subject_name", "subject_role", "jti"))
    return {
        "requestor": True,
        **({"name": text_of(name)} if name else {}),
        **({"role": [{"text": text_of(role)}]} if role else {}),
        **({"policy": [text_of(jti)]} if jti else {}),
    }


def reference_to(identifier: object, name: object) -> Json:
    who = identified(OWN, identifier)
    return {**who, "display": text_of(name)} if name else who


def organisations(record: Json) -> Iterator[Json]:
    if name := record.get("subject_organization"):
        who = {"type": "Organization", "display": text_of(name)}
        yield {"type": concept(PROVIDER), "who": who, "requestor": False}
    if community := record.get("home_community_id"):
        who = identified("urn:ietf:rfc:3986", community)
        yield {"type": concept(COMMUNITY), "who": who, "requestor": False}


def purposes(record: Json) -> list[Json]:
    """Return why it was asked: HL7's codes, and unmapped ones as text."""
    return [
        concept({"system": PURPOSE, "code": code}) if code in PURPOSES else {"text": code}
        for code in record["purpose"]
    ]


def entities(record: Json) -> Iterator[Json]:
    """Yield the request by its id and its trace, the patient by a keyed name, and the answer, or
    what there was instead, with the facts."""
    if "request_id" in record:
        yield {
            "what": identified(OWN, header_id(record)),
            "type": coding(BALP_ENTITY, "XrequestId", "X-Request-Id"),
        }
    if "traceparent" in record:
        yield {
            "what": identified(TRACE, record["traceparent"]),
            "type": coding(ENTITY_TYPE, "4", "Other"),
            "role": coding(ROLE, "26", "Processing Element"),
        }
    if "patient" in record:
        yield {
            "what": {"type": "Patient", **patient(record)},
            "type": coding(ENTITY_TYPE, "1", "Person"),
            "role": coding(ROLE, "1", "Patient"),
        }
    answer = identified(ANSWER, record["request_id"]) if has_answer(record) else {}
    yield {
        "what": {**answer, "display": text_of(record.get("model") or "MM-HIE service")},
        "type": coding(ENTITY_TYPE, "2", "System Object"),
        "role": coding(ROLE, "4", "Domain Resource"),
        "detail": details(record),
    }


def patient(record: Json) -> Json:
    """Return the reference to a patient: as the caller wrote it, if that is known, which a
    repository compares letter for letter; else by the pseudonym."""
    text = " ".join(record.get("patient_identifier", "").split())
    if not text:
        return identified(PATIENT, record["patient"])
    if reference := LITERAL.fullmatch(text):
        return {"reference": reference[1]}
    known, (system, value) = identify(text), split(text)
    if known.system == NHS:
        return identified(NHS_NUMBER_SYSTEM, known.value)
    return {"identifier": {**issued_by(system), "value": text_of(value) or text}}


def issued_by(system: str) -> Json:
    """Return the system of an identifier as FHIR names it: an URI, or else the assigner's name."""
    if OID.fullmatch(system):
        return {"system": f"urn:oid:{system}"}
    if URI.fullmatch(system):
        return {"system": text_of(system)}
    return {"assigner": {"display": text_of(system)}} if system.strip() else {}


def details(record: Json) -> list[dict[str, str]]:
    """Return every other fact; what is empty has no `valueString`."""
    texts = {name: text_of(record[name]) for name in record if name not in ELEMENTS}
    if "caller_request_id" not in record:
        texts.pop("request_id", None)  # the entity has it
    known = {name: text for name, text in texts.items() if record[name] is not None and text}
    return [{"type": name, "valueString": text} for name, text in known.items()]
