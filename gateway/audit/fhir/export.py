"""The resources of a trail, one record at a time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from gateway.audit.fhir.audit_event import audit_event
from gateway.audit.fhir.elements import has_answer
from gateway.audit.fhir.transparency import device, provenance
from gateway.runtime.json_types import Json

SignOffs = Mapping[str, Sequence[Json]]  # records of feedback, by the request's own id


class Export:
    """Makes resources of records; a Device comes once, before the first answer it gave."""

    def __init__(self, sign_offs: SignOffs = MappingProxyType({})) -> None:
        self._devices: set[str] = set()
        self._sign_offs = sign_offs

    def resources(self, record: Json) -> Iterator[Json]:
        """Yield the AuditEvent of a record, and around it who made the answer, if there is one."""
        if not has_answer(record):
            yield audit_event(record)
            return
        maker = device(record)
        if maker["id"] not in self._devices:
            self._devices.add(maker["id"])
            yield maker
        yield audit_event(record)
        yield provenance(record, maker["id"], self._sign_offs.get(record["request_id"], ()))


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
