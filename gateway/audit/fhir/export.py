"""The resources of a trail, one record at a time."""

from collections.abc import Iterator

from gateway.audit.fhir.audit_event import audit_event
from gateway.audit.fhir.elements import has_answer
from gateway.audit.fhir.transparency import device, provenance
from gateway.json_types import Json


class Export:
    """Makes resources of records; a Device comes once, before the first answer it gave."""

    def __init__(self) -> None:
        self._devices: set[str] = set()

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
        yield provenance(record, maker["id"])
