"""Pseudonyms of patients in the trail.

Without the key nobody can say whose a pseudonym is, or try identifiers one after the other; with it
the same patient has the same pseudonym in every line. Without a key of their own they are derived
from that of the chain, and whoever can verify can find the patients.
"""

import hmac
import re
from dataclasses import dataclass, replace
from typing import Self

from gateway.audit.patient_identifiers import identify
from gateway.audit.patient_seal import PatientSeal
from gateway.principal import Principal
from gateway.runtime.json_types import Json
from gateway.settings.gateway import GatewaySettings

DIGITS = 32  # 128 bits: no two patients share them by chance
PURPOSE = b"mmhie pseudonyms"
PATIENT = re.compile(r"(^|/)Patient/")  # a patient's own application names the patient as the user


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Replaces the names of patients."""

    key: bytes
    earlier: Self | None = None  # from before there was a key of their own
    seal: PatientSeal | None = None  # of the identifiers for the audit feed

    @classmethod
    def of(cls, audit_key: str, own_key: str = "") -> Self:
        derived = cls(hmac.digest(audit_key.encode(), PURPOSE, "sha256"))
        return (
            cls(hmac.digest(own_key.encode(), PURPOSE, "sha256"), derived) if own_key else derived
        )

    @classmethod
    def from_settings(cls, settings: GatewaySettings) -> Self:
        """Return those of MMHIE_PSEUDONYM_KEY, or else of MMHIE_AUDIT_KEY."""
        keys = (settings.audit_key, settings.pseudonym_key)
        names = cls.of(*(key.get_secret_value() if key else "" for key in keys))
        return replace(names, seal=PatientSeal.from_settings(settings))

    def patient(self, identifier: str) -> str:
        return self._pseudonym("patient", identify(identifier).text)

    def patients(self, identifier: str) -> tuple[str, ...]:
        """Return the pseudonyms under which a patient may be recorded: also of the identifier as it
        came, as earlier versions took it, and of before MMHIE_PSEUDONYM_KEY was set."""
        ours = self.patient(identifier), self._pseudonym("patient", identifier)
        return ours + (self.earlier.patients(identifier) if self.earlier else ())

    def user(self, name: str) -> str:
        return self._pseudonym("user", name)

    def users(self, name: str) -> tuple[str, ...]:
        """Return the pseudonyms under which a patient may be recorded as the person who asked."""
        return self.user(name), *(self.earlier.users(name) if self.earlier else ())

    def _pseudonym(self, kind: str, value: str) -> str:
        digest = hmac.digest(self.key, f"{kind}:{value}".encode(), "sha256")
        return f"{kind}:{digest.hex()[:DIGITS]}"

    def care_of(self, principal: Principal) -> Json:
        """Return the person, patient and purpose of a request, and who said who the person is."""
        care = principal.care
        return {
            "user": self._person(care.user),
            "user_source": care.user_source,
            **(self.facts_of(care.patient) if care.patient else {"patient": None}),
            "purpose": care.purposes,
        }

    def facts_of(self, identifier: str) -> Json:
        """Return the pseudonym of a patient, and the sealed identifier for the feed, if it sends
        it."""
        name = self.patient(identifier)
        sealed = {"patient_sealed": self.seal.seal(identifier, name)} if self.seal else {}
        return {"patient": name, **sealed}

    def token_of(self, principal: Principal) -> Json:
        """Return what else the caller's token says of its person; of a patient, not the name."""
        facts = principal.care.token
        person = self._person(facts.fhir_user)
        name = facts.subject_name if person == facts.fhir_user else None
        return facts._replace(fhir_user=person, subject_name=name)._asdict()

    def _person(self, name: str | None) -> str | None:
        return self.user(name) if name and PATIENT.search(name) else name
