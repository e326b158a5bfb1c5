"""Files of a report: the JSON, and beside it the page of the same name."""

import os
from collections.abc import Callable
from pathlib import Path

from assurance.reports.page import text_in
from assurance.reports.signature import ReportDamaged, Signature
from gateway.settings import gateway as gateway_settings
from launcher.errors import LauncherError
from launcher.json_types import Json


def audit_key() -> str | None:
    """Return MMHIE_AUDIT_KEY, with which reports are signed."""
    key = gateway_settings.load().audit_key
    return key.get_secret_value() if key else None


def page_of(out: Path) -> Path:
    """Return where the page of a report is written."""
    return out.with_suffix(".html")


def writable(out: Path) -> None:
    """Raise LauncherError before a run of minutes whose report nobody could write."""
    if not os.access(out.parent, os.W_OK) or out.suffix == ".html":
        raise LauncherError(f"{out} cannot be written: name a .json file in a folder of yours.")


def written(path: Path, text: str) -> None:
    """Write a file. Raises LauncherError."""
    try:
        path.write_text(text)
    except OSError as error:
        raise LauncherError(f"{path} cannot be written: {error.strerror}.") from None


def verified(file: Path, key: str | None, signature: Signature, html: Callable[[str], str]) -> Json:
    """Return the content of a report or of the page that `html` makes of it. Raises
    LauncherError."""
    try:
        found = file.read_text()
    except (OSError, UnicodeDecodeError):
        raise LauncherError(f"{file} cannot be read: name an {signature.kind} report.") from None
    is_page = file.suffix == ".html"
    text = text_in(found, signature.kind) if is_page else found
    content = signature.verify(text, key)
    if is_page and html(text) != found:
        raise ReportDamaged(
            "The figures in the page are as they were written, and the page around them is not, "
            "or is another version's."
        )
    return content
