"""The signed report: JSON whose last field is the HMAC of everything before it.

The key is the audit trail's, MMHIE_AUDIT_KEY, and so is the form: the MAC is over the very bytes
before `,"mac"`, closed by `}`. Words in front of them keep a report's MAC from being a line's.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

from launcher.errors import LauncherError

FORMAT: Final = "mmhie-acceptance-1"
MAC_HEX: Final = hashlib.sha256().digest_size * 2


class ReportDamaged(LauncherError):
    """The report is not as it was written, or nobody signed it."""

    exit_code = 1


def document(measured: Mapping[str, Any], time: str) -> dict[str, Any]:
    """Return the report's content, with its verdict first."""
    findings = measured["findings"]
    failed = [one["check"] for one in findings if one["outcome"] == "failed"]
    return {
        "format": FORMAT,
        "time": time,
        "version": version("mmhie-server"),
        "has_passed": not failed,
        "verdict": verdict(findings, failed),
        **measured,
    }


def verdict(findings: list[dict[str, Any]], failed: list[str]) -> str:
    """Return the outcome of the run in a sentence."""
    applicable = sum(one["outcome"] != "not applicable" for one in findings)
    if failed:
        return f"{len(failed)} of {applicable} checks failed: {', '.join(failed)}."
    left = len(findings) - applicable
    also = f"; {left} did not apply" if left else ""
    return f"All {applicable} checks passed{also}."


def signed(content: Mapping[str, Any], key: str | None) -> str:
    """Return the report as text; without a key its MAC is empty."""
    text = json.dumps(content, ensure_ascii=False, indent=1)
    body = text.removesuffix("\n}")
    return f'{body},\n "mac": "{mac(text, key) if key else ""}"\n}}\n'


def mac(text: str, key: str) -> str:
    """Return the HMAC-SHA256 of a report without its MAC."""
    return hmac.new(key.encode(), f"{FORMAT}\n{text}".encode(), hashlib.sha256).hexdigest()


def read(text: str) -> dict[str, Any]:
    """Parse a report; raises ReportDamaged for anything else."""
    try:
        found = json.loads(text)
        if found["format"] != FORMAT or not isinstance(found["mac"], str):
            raise KeyError("format")
    except (ValueError, KeyError, TypeError):
        raise ReportDamaged("This is no acceptance report, or one that was cut.") from None
    return dict(found)


def verify(text: str, key: str | None) -> dict[str, Any]:
    """Return a report that is as it was written. Raises ReportDamaged."""
    found = read(text)
    proof = found.pop("mac")
    if not proof:
        raise ReportDamaged("The report is not signed: it was made without MMHIE_AUDIT_KEY.")
    if not key:
        raise LauncherError("MMHIE_AUDIT_KEY is not set and the report was signed with it.")
    body, _, _ = text.rpartition(',\n "mac": "')
    expected = mac(f"{body}\n}}", key)
    is_whole = text == f'{body},\n "mac": "{proof}"\n}}\n'
    if not (is_whole and hmac.compare_digest(proof, expected)):
        raise ReportDamaged("The report is not as it was written, or was signed with another key.")
    return found
