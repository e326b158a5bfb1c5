"""The acceptance report: its content, its verdict and its signature."""

from importlib.metadata import version
from typing import Final

from assurance.reports.signature import Signature
from launcher.json_types import Json, JsonView

FORMAT: Final = "mmhie-acceptance-1"
SIGNATURE: Final = Signature(FORMAT, "acceptance")


def document(measured: JsonView, time: str) -> Json:
    """Return the report's content, with its verdict first."""
    findings = measured["findings"]
    failed = [finding["check"] for finding in findings if finding["outcome"] == "failed"]
    return {
        "format": FORMAT,
        "time": time,
        "version": version("mmhie-server"),
        "has_passed": not failed,
        "verdict": verdict(findings, failed),
        **measured,
    }


def verdict(findings: list[Json], failed: list[str]) -> str:
    """Return the outcome of the run in a sentence."""
    applicable = sum(finding["outcome"] != "not applicable" for finding in findings)
    if failed:
        return f"{len(failed)} of {applicable} checks failed: {', '.join(failed)}."
    left = len(findings) - applicable
    also = f"; {left} did not apply" if left else ""
    return f"All {applicable} checks passed{also}."
