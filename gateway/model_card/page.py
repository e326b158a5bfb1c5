"""The model card as a page: HTML without a script, of which every text is escaped."""

import base64
import hashlib
import html
from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from gateway.model_card.card import NOT_SUPPLIED
from gateway.runtime.json_types import Json

STYLE = Path(__file__).with_name("page.css").read_text("utf-8")
DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{DIGEST}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}


def page(card: Json) -> str:
    """Return the card as a page."""
    name = card["model"]["display_name"] or card["model"]["model"]
    attributes = card["source_attributes"]
    parts = (
        element("h1", f"Model card: {name}"),
        element("p", card["disclaimer"]["text"], "notice"),
        element("p", f"{card['supplied']} of {len(attributes)} source attributes are answered."),
        element("h2", "Served model"),
        rows({name: value for name, value in card["model"].items() if value}),
        element("h2", "Evaluation"),
        element("p", card["evaluation"]),
        suites(card["evaluation_report"]),
        element("h2", "Source attributes (ONC HTI-1)"),
        *map(group, groupby(attributes, key=itemgetter("group"))),
        element("h2", "Applied Model Card (CHAI)"),
        sections(card["applied_model_card"], 3),
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{html.escape(name)}</title>'
        f"<style>{STYLE}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def element(tag: str, text: object, kind: str = "") -> str:
    """Return an element with an escaped text."""
    attributes = f' class="{kind}"' if kind else ""
    return f"<{tag}{attributes}>{html.escape(str(text))}</{tag}>"


def value(text: object) -> str:
    """Return a value; a missing one is marked."""
    return element("dd", text, "missing" if text == NOT_SUPPLIED else "")


def rows(entries: Mapping[str, object]) -> str:
    return (
        f"<dl>{''.join(element('dt', name) + value(text) for name, text in entries.items())}</dl>"
    )


def suites(report: Json | None) -> str:
    """Return the table of an evaluation's figures."""
    if report is None:
        return ""
    columns = ("name", "measure", "n", "value", "low", "high")
    head = "".join(element("th", name) for name in columns)
    lines = [
        "".join(element("td", figure(suite[name])) for name in columns)
        for suite in report["suites"]
    ]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return element("p", f"Measured {report['time']}.") + f"<table><tr>{head}</tr>{body}</table>"


def figure(found: object) -> str:
    if found is None:
        return "-"
    return f"{found:.3f}" if isinstance(found, float) else str(found)


def group(found: tuple[str, Iterable[Json]]) -> str:
    """Return a paragraph of the regulation with its source attributes."""
    title, entries = found
    return element("h3", title) + "".join(map(attribute, entries))


def attribute(entry: Json) -> str:
    """Return one source attribute with its paragraph, its answer and who gave it."""
    given_by = f"by the {' and the '.join(entry['sources'])}" if entry["sources"] else ""
    return (
        f'<section id="{html.escape(entry["id"])}">'
        + element("h4", entry["attribute"])
        + element("p", f"{entry['paragraph']} {given_by}", "source")
        + element("p", entry["value"], "" if entry["sources"] else "missing")
        + (element("p", f"{entry['measure']}.") if entry["measure"] else "")
        + "</section>"
    )


def sections(table: Json, level: int) -> str:
    """Return a section with its elements, and those within it."""
    texts = {name: text for name, text in table.items() if not isinstance(text, dict)}
    parts = [rows(texts)] if texts else []
    for name, inner in table.items():
        if isinstance(inner, dict):
            parts += [element(f"h{min(level, 6)}", name), sections(inner, level + 1)]
    return "".join(parts)
