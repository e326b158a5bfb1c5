"""Pseudonyms of patients in the trail.

Without the key nobody can say whose a pseudonym is, or try identifiers one after the other; with it
the same patient has the same pseudonym in every line. It is derived from the key of the chain.
"""

import hmac
import re
from dataclasses import dataclass
from typing import Self

from gateway.audit.patient_identifiers import identify
from gateway.principal import Principal
from gateway.runtime.json_types import Json

DIGITS = 32  # 128 bits: no two patients share them by chance
PURPOSE = b"mmhie pseudonyms"
PATIENT = re.compile(r"(^|/)Patient/")  # a patient's own application names the patient as the user


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Replaces the names of patients."""

    key: bytes

    @classmethod
    def of(cls, audit_key: str) -> Self:
        return cls(hmac.digest(audit_key.encode(), PURPOSE, "sha256"))

    def patient(self, identifier: str) -> str:
        return self._pseudonym("patient", identify(identifier).text)

    def patients(self, identifier: str) -> tuple[str, ...]:
        """Return the pseudonyms under which a patient may be recorded: also the one of earlier
        versions, which took the identifier as it came."""
        return self.patient(identifier), self._pseudonym("patient", identifier)

    def user(self, name: str) -> str:
        return self._pseudonym("user", name)

    def _pseudonym(self, kind: str, value: str) -> str:
        digest = hmac.digest(self.key, f"{kind}:{value}".encode(), "sha256")
        return f"{kind}:{digest.hex()[:DIGITS]}"

    def care_of(self, principal: Principal) -> Json:
        """Return the person, patient and purpose that the caller has named."""
        user, patient, purposes = principal.care
        return {
            "user": self.user(user) if user and PATIENT.search(user) else user,
            "patient": self.patient(patient) if patient else None,
            "purpose": purposes,
        }
