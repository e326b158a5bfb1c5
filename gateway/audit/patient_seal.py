"""Identifiers of patients in the trail, sealed for the audit feed (AES-256-GCM).

The key is made of MMHIE_PSEUDONYM_KEY, so whoever only verifies the trail cannot open them. Each is
bound to the pseudonym beside it.
"""

import base64
import hmac
import os
from typing import Self

from gateway.runtime.json_types import Json
from gateway.settings.gateway import GatewaySettings

PURPOSE = b"mmhie sealed patients"
NONCE_BYTES = 12


class PatientSeal:
    """Seals the identifiers of patients, and opens them."""

    def __init__(self, key: str) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 36 ms

        self._cipher = AESGCM(hmac.digest(key.encode(), PURPOSE, "sha256"))

    @classmethod
    def from_settings(cls, settings: GatewaySettings) -> Self | None:
        """Return the seal, None unless MMHIE_AUDIT_FHIR_PATIENT asks for identifiers."""
        key = settings.pseudonym_key
        if key is None or settings.audit_fhir_patient != "identifier":
            return None
        return cls(key.get_secret_value())

    def seal(self, identifier: str, pseudonym: str) -> str:
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, identifier.encode(), pseudonym.encode())
        return base64.b64encode(nonce + sealed).decode()

    def open(self, record: Json) -> Json:
        """Return a record with its `patient_identifier`; unchanged if none can be opened."""
        if "patient_sealed" not in record:
            return record
        from cryptography.exceptions import InvalidTag

        try:
            sealed = base64.b64decode(record["patient_sealed"])
            nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
            identifier = self._cipher.decrypt(nonce, rest, record["patient"].encode())
        except (InvalidTag, ValueError):  # sealed with an earlier key
            return record
        return {**record, "patient_identifier": identifier.decode()}
