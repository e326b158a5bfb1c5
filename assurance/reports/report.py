"""Kinds of report: signed JSON in a file, and beside it the page of the same name."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assurance.reports.page import text_in
from assurance.reports.signature import ReportDamaged, Signature
from gateway.settings import gateway as gateway_settings
from launcher.errors import LauncherError
from launcher.json_types import Json

BESIDE: Final = (".html", ".log", ".logs", ".part")  # what a run writes beside its report


@dataclass(frozen=True, slots=True)
class ReportKind:
    """One kind of report: `html` makes its page, `outcome` names the fields that sum it up."""

    signature: Signature
    html: Callable[[str], str]
    outcome: tuple[str, ...]

    def save(self, out: Path, text: str) -> str:
        """Write a report and its page; return its verdict in a sentence. Raises LauncherError."""
        page = out.with_suffix(".html")
        write(out, text)
        write(page, self.html(text))
        return f"{self.signature.read(text)['verdict']} {out} and {page} have the report."

    def summary(self, content: Json) -> Json:
        """Return a report's outcome for a program."""
        return {name: content[name] for name in self.outcome}

    def verification(self, file: Path) -> tuple[str, Json]:
        """Return for a person and for a program that a report is genuine. Raises LauncherError."""
        report = self.verified(file)
        sentence = f"The report is as it was written on {report['time']}. {report['verdict']}"
        return sentence, {"genuine": True, **self.summary(report)}

    def verified(self, file: Path, *, or_unsigned: bool = False) -> Json:
        """Return the content of a report, or of its page. Raises LauncherError."""
        written, is_page = self.text(file), file.suffix == ".html"
        text = text_in(written, self.signature.kind) if is_page else written
        if or_unsigned and not is_page and not self.signature.read(text)["mac"]:
            return self.signature.read(text)
        content = self.signature.verify(text, audit_key())
        if is_page and self.html(text) != written:
            raise ReportDamaged(
                "The figures in the page are as they were written, and the page around them is "
                "not, or is another version's."
            )
        return content

    def text(self, file: Path) -> str:
        """Read a file. Raises LauncherError."""
        try:
            return file.read_text()
        except (OSError, UnicodeDecodeError):
            kind = self.signature.kind
            raise LauncherError(f"{file} cannot be read: name an {kind} report.") from None


def audit_key() -> str | None:
    """Return MMHIE_AUDIT_KEY, with which reports are signed."""
    key = gateway_settings.load().audit_key
    return key.get_secret_value() if key else None


def refuse_unwritable(out: Path) -> None:
    """Raise LauncherError before a run of minutes whose report nobody could write."""
    is_beside = out.is_dir() or out.suffix.lower() in BESIDE
    is_open = os.access(out.parent, os.W_OK) and (not out.exists() or os.access(out, os.W_OK))
    if is_beside or not is_open:
        raise LauncherError(f"{out} cannot be written: name a .json file in a folder of yours.")


def write(path: Path, text: str) -> None:
    """Write a file. Raises LauncherError."""
    try:
        path.write_text(text)
    except OSError as error:
        raise LauncherError(f"{path} cannot be written: {error.strerror}.") from None
