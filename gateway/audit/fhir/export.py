"""The resources of a trail, one record at a time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from gateway.audit.fhir.audit_event import audit_event
from gateway.audit.fhir.elements import has_answer
from gateway.audit.fhir.transparency import device, provenance
from gateway.runtime.json_types import Json

SignOffs = Mapping[str, Sequence[Json]]  # records of feedback, by the request's own id


def resources_of(
    records: Iterable[Json], sign_offs: SignOffs = MappingProxyType({})
) -> Iterator[Json]:
    """Yield the AuditEvent of each record, and around it who made the answer, if there is one; a
    Device comes once, before the first answer it gave."""
    devices = set[str]()
    for record in records:
        maker = device(record) if has_answer(record) else None
        if maker is not None and maker["id"] not in devices:
            devices.add(maker["id"])
            yield maker
        yield audit_event(record)
        if maker is not None:
            yield provenance(record, maker["id"], sign_offs.get(record["request_id"], ()))


def sign_offs_in(records: Iterable[Json]) -> SignOffs:
    """Return the sign-offs of a trail that nobody has found to be unfounded since."""
    sign_offs: dict[str, Json] = {}
    for record in records:
        name = record.get("feedback_id", "")
        if record["kind"] == "feedback" and record.get("category") == "signed_off":
            sign_offs[name] = record
        elif record["kind"] == "feedback_closed" and record.get("outcome") == "unfounded":
            sign_offs.pop(name, None)
    by_request: dict[str, list[Json]] = {}
    for record in sign_offs.values():
        by_request.setdefault(record["request_id"], []).append(record)
    return by_request
