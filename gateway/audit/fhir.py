"""Export audit records as FHIR R4 AuditEvents, with IHE BALP's codes where it has them."""

from gateway.json_types import Json

TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
RESTFUL = "http://hl7.org/fhir/restful-interaction"
ENTITY_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
SOURCE_TYPE = "http://terminology.hl7.org/CodeSystem/security-source-type"
BALP_ENTITY = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
OWN = "urn:mmhie:audit"
CHAIN = frozenset({"seq", "prev", "mac", "time", "kind"})
# What of a request has a place of its own in the resource.
PLACED = CHAIN | {"request_id", "client", "auth", "address", "model", "outcome", "stream"}
# DICOM's codes for events that are not requests.
APPLICATION = {"start": ("110120", "Application Start"), "stop": ("110121", "Application Stop")}
OTHER = ("110100", "Application Activity")
SUCCESS, MINOR, SERIOUS = "0", "4", "8"


def audit_event(record: Json) -> Json:
    """Return the resource of a record; its digests prove nothing without the line of the trail."""
    return {
        "resourceType": "AuditEvent",
        "id": f"mmhie-{record['seq']}",
        **event_type(record),
        "recorded": record["time"],
        "outcome": outcome(record),
        "outcomeDesc": str(record.get("outcome", record["kind"])),
        "agent": [agent(record)],
        "source": {
            "observer": {"display": "MM-HIE gateway"},
            "type": [coding(SOURCE_TYPE, "4", "Application Server")],
        },
        "entity": entities(record),
    }


def event_type(record: Json) -> Json:
    """Return type, subtype and action: a model request is a RESTful operation, executed."""
    if record["kind"] == "request":
        return {
            "type": coding(TYPE, "rest", "RESTful Operation"),
            "subtype": [coding(RESTFUL, "operation", "operation")],
            "action": "E",
        }
    code, display = APPLICATION.get(record["kind"], OTHER)
    subtype = coding(OWN, record["kind"], record["kind"])
    return {"type": coding(DCM, code, display), "subtype": [subtype], "action": "E"}


def outcome(record: Json) -> str:
    """Return the outcome code: 4xx is a minor failure, 5xx and a broken stream are serious."""
    status, ended = record.get("status", 200), record.get("outcome", "ok")
    if ended == "ok":
        return SUCCESS
    return MINOR if 400 <= status < 500 or ended == "client_gone" else SERIOUS


def agent(record: Json) -> Json:
    """Return the caller, or the gateway itself where there was none."""
    name = record.get("client") or record.get("by")
    who = {"identifier": {"system": OWN, "value": name}} if name else {"display": "unknown"}
    found: Json = {"who": who, "requestor": record["kind"] in ("request", "hold", "release")}
    if record.get("address"):
        found["network"] = {"address": record["address"], "type": "2"}
    return found


def entities(record: Json) -> list[Json]:
    """Return the request by its id and the model with the call's facts, or the event's facts."""
    if record["kind"] != "request":
        facts = details(record, CHAIN) or [{"type": "kind", "valueString": record["kind"]}]
        return [{"what": {"display": "MM-HIE service"}, "detail": facts}]
    request = {
        "what": {"identifier": {"system": OWN, "value": record["request_id"]}},
        "type": coding(BALP_ENTITY, "XrequestId", "X-Request-Id"),
    }
    model = {
        "what": {"display": record.get("model") or "none"},
        "type": coding(ENTITY_TYPE, "2", "System Object"),
        "detail": details(record, PLACED),
    }
    return [request, model]


def details(record: Json, elsewhere: frozenset[str]) -> list[dict[str, str]]:
    """Return the facts of a record that are known and stand nowhere else in the resource."""
    return [
        {"type": name, "valueString": " ".join(value) if isinstance(value, list) else str(value)}
        for name, value in record.items()
        if name not in elsewhere and value is not None
    ]


def coding(system: str, code: str, display: str) -> dict[str, str]:
    return {"system": system, "code": code, "display": display}
