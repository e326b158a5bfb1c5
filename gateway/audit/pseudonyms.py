"""Pseudonyms in the trail: keyed names of patients, and of users where that is set.

Without the key nobody can say whose a name is, or try identifiers one after the other; with it the
same patient has the same name in every line. The key is derived from that of the chain.
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from gateway.principal import Principal
from gateway.runtime.json_types import Json
from gateway.settings.gateway import GatewaySettings

DIGITS = 32  # 128 bits: no two patients share them by chance
PURPOSE = b"mmhie pseudonyms"
PATIENT = re.compile(r"(^|/)Patient/")  # a patient's own application names him as the user


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Names those whom a line is about."""

    key: bytes
    hides_users: bool = False

    @classmethod
    def of(cls, audit_key: str, *, hides_users: bool = False) -> Self:
        return cls(hmac.digest(audit_key.encode(), PURPOSE, "sha256"), hides_users)

    @classmethod
    def chosen(cls, settings: GatewaySettings) -> Self | None:
        """Return those of these settings; None without a key, where no user is hidden."""
        key = settings.audit_key
        hides_users = settings.audit_users == "pseudonym"
        return cls.of(key.get_secret_value(), hides_users=hides_users) if key else None

    def patient(self, identifier: str) -> str:
        """Return the name of a patient."""
        return self._name("patient", identifier)

    def user(self, name: str) -> str:
        """Return the pseudonym of a user."""
        return self._name("user", name)

    def _name(self, kind: str, value: str) -> str:
        digest = hmac.digest(self.key, f"{kind}:{value}".encode(), "sha256")
        return f"{kind}:{digest.hex()[:DIGITS]}"

    def care_of(self, principal: Principal) -> Json:
        """Return who asks, about whom and why, as far as the caller has said."""
        user, patient, purposes = principal.care
        is_hidden = self.hides_users or PATIENT.search(user or "")
        shown = self.user(user) if user and is_hidden else user
        return {
            "user": shown,
            "patient": self.patient(patient) if patient else None,
            "purpose": purposes,
        }


def naming_of(settings: GatewaySettings) -> Callable[[str], str]:
    """Return how principals are named after subjects of tokens, which may be users."""
    names = Pseudonyms.chosen(settings)
    return names.user if names and names.hides_users else str
