"""The frame of a report's HTML page: it loads nothing, and the signed JSON is inside it."""

import re
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Final

from assurance.reports.signature import ReportDamaged
from launcher.json_types import JsonView

STYLE: Final = Path(__file__).with_name("page.css")
OPENED, CLOSED = '<script type="application/json" id="report">', "</script>"


def framed(title: str, body: str, text: str) -> str:
    """Return the page around a rendered body, with the report's text in it."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        f"<style>{STYLE.read_text()}</style></head><body><main>\n"
        f"{body}\n</main>\n"
        f"{OPENED}{embedded(text)}{CLOSED}\n</body></html>\n"
    )


def facts(names: Mapping[str, str], values: JsonView) -> str:
    """Render the named values as a list, without those that are empty."""
    rows = (
        f"<div><dt>{name}</dt><dd>{escape(joined(values[field]))}</dd></div>"
        for field, name in names.items()
        if values.get(field)
    )
    return f"<dl>{''.join(rows)}</dl>"


def joined(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def table(columns: Iterable[str], rows: Iterable[str]) -> str:
    """Return a table that scrolls by itself; each row is an element."""
    head, lines = "".join(f"<th>{name}</th>" for name in columns), "\n".join(rows)
    body = f"<thead><tr>{head}</tr></thead><tbody>\n{lines}\n</tbody>"
    return f'<div class="wide"><table>{body}</table></div>'


def figures(charts: Iterable[str]) -> str:
    """Return charts side by side."""
    return f'<div class="charts">{"".join(f"<figure>{chart}</figure>" for chart in charts)}</div>'


def embedded(text: str) -> str:
    """Return JSON that cannot end the element it is in; `\\u003c` is the same character in it."""
    return text.replace("<", "\\u003c")


def text_in(page: str, kind: str) -> str:
    """Return the report that a page was rendered from. Raises ReportDamaged."""
    match = re.search(f"{re.escape(OPENED)}(.*?){re.escape(CLOSED)}", page, re.DOTALL)
    if match is None:
        raise ReportDamaged(f"There is no {kind} report in this page.")
    return match[1].replace("\\u003c", "<")


def signature(mac: str, command: str) -> str:
    """Say how the report can be verified."""
    if not mac:
        return "This report is not signed: MMHIE_AUDIT_KEY was not set."
    return f"Signed: <code>{escape(mac[:16])}…</code>; <code>{command}</code> checks it."
