"""A signed report: JSON whose last field is the HMAC of everything before it.

The key is the audit trail's, MMHIE_AUDIT_KEY, and so is the form: the MAC is over the very bytes
before `,"mac"`, closed by `}`. The format's name in front of them keeps a report's MAC from being a
line's, or another kind of report's.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass

from launcher.errors import LauncherError
from launcher.json_types import Json, JsonView


class ReportDamaged(LauncherError):
    """The report is not as it was written, or nobody signed it."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Signature:
    """The signature of one kind of report; `kind` names it in errors."""

    format: str
    kind: str

    def signed(self, content: JsonView, key: str | None) -> str:
        """Return the report as text; without a key its MAC is empty."""
        text = json.dumps(content, ensure_ascii=False, indent=1)
        body = text.removesuffix("\n}")
        return f'{body},\n "mac": "{self.mac(text, key) if key else ""}"\n}}\n'

    def mac(self, text: str, key: str) -> str:
        """Return the HMAC-SHA256 of a report without its MAC."""
        return hmac.new(key.encode(), f"{self.format}\n{text}".encode(), hashlib.sha256).hexdigest()

    def read(self, text: str) -> Json:
        """Parse a report; raises ReportDamaged for anything else."""
        try:
            report = json.loads(text)
            if report["format"] != self.format or not isinstance(report["mac"], str):
                raise KeyError("format")
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ReportDamaged(f"This is no {self.kind} report, or one that was cut.") from None
        return dict(report)

    def verify(self, text: str, key: str | None) -> Json:
        """Return a report that is as it was written. Raises ReportDamaged."""
        report = self.read(text)
        proof = report.pop("mac")
        if not proof:
            raise ReportDamaged("The report is not signed: it was made without MMHIE_AUDIT_KEY.")
        if not key:
            raise LauncherError("MMHIE_AUDIT_KEY is not set and the report was signed with it.")
        body, _, _ = text.rpartition(',\n "mac": "')
        expected = self.mac(f"{body}\n}}", key)
        is_whole = text == f'{body},\n "mac": "{proof}"\n}}\n'
        if not (is_whole and hmac.compare_digest(proof.encode(), expected.encode())):
            raise ReportDamaged(
                "The report is not as it was written, or was signed with another key."
            )
        return report
