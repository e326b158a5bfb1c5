"""The evaluation report as one HTML page that loads nothing; the signed JSON is inside it."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from assurance.evaluation import subject
from assurance.evaluation.report import SIGNATURE
from assurance.reports.page import facts, framed, signature, table
from assurance.reports.report import ReportKind
from launcher.json_types import JsonView

NAMES: Final = {
    "model": "Model",
    "revision": "Revision",
    "base": "Base",
    "adapter": "Adapter",
    "adapter_digest": "Adapter's digest",
    "quantization": "Quantization",
    "engine": "Engine",
    "engine_version": "Engine's version",
    "gateway_version": "Gateway",
    "system_prompt": "Digest of the system prompt",
    "disclaimer_language": "Language",
    "audience": "Notices for",
    "max_tokens": "Maximum tokens",
}
DIGITS: Final = 12  # of a digest
Row = JsonView


def html(text: str) -> str:
    """Render a signed report."""
    report = SIGNATURE.read(text)
    model, whole = report["served"]["model"], report["is_complete"]
    served = {**dict.fromkeys(NAMES), **subject.facts(report["served"])}
    served["system_prompt"] = (served["system_prompt"] or "")[:DIGITS]
    body = (
        f"<h1>Evaluation of {escape(model)}</h1>\n"
        f'<p class="verdict{"" if whole else " failed"}">{escape(report["verdict"])}</p>\n'
        f"<p>{escape(report['time'])}, mmhie {escape(report['version'])}. "
        f"{asking(report)}</p>\n{facts(NAMES, served)}\n"
        f"{scores(report)}\n{agreement(report['agreement'])}\n"
        f"{subgroups(report.get('subgroups', ()))}\n{sources(report['sources'])}\n"
        "<footer>Intervals: Wilson's for right and wrong, the bootstrap for fractions, both 95 %. "
        "No score here shows that the model is safe for patients: rules and question sets measure "
        "what they measure, and clinicians validate locally. Questions and answers are in the "
        "report's .logs folder, for <code>inspect view --log-dir</code>. "
        f"{signature(report['mac'], 'mmhie evaluate verify')}</footer>"
    )
    return framed(f"Evaluation of {model}", body, text)


REPORT: Final = ReportKind(SIGNATURE, html, ("time", "is_complete", "verdict", "groups"))


def asking(report: JsonView) -> str:
    """Say how the items were asked, and how far a judge is to be believed."""
    found, labelled = report["asking"], report.get("calibration")
    judge = f"judge {found['judge']['model']}" if found["judge"] else "no judge"
    if labelled:
        judge += (
            f", which agrees with {labelled['equal']} of {labelled['n']} labels by hand (kappa "
            f"{labelled['kappa']:.2f}, {labelled['low']:.2f} to {labelled['high']:.2f})"
        )
    limit = f", at most {found['limit']} items of each set" if found["limit"] else ""
    effort = f", reasoning effort {found['effort']}" if found.get("effort") else ""
    return escape(
        f"Asked as users ask, on /llm/generate{effort}, {found['connections']} requests at once, "
        f"{judge}{limit}."
    )


def name_of(group: Row) -> str:
    """Return a group's name, with its language where it has several."""
    language = f", {group['language']}" if group["language"] else ""
    return f"{group['group']}{language}"


def scores(report: JsonView) -> str:
    """Render every group: what it is, its score, what needs no knowledge, failures."""
    rows = (
        f'<tr><td>{escape(group["suite"])}</td><th scope="row">{escape(name_of(group))}'
        f"{about(group)}{failures(group, report.get('examples', ()))}</th>"
        f"<td>{group['scored']} of {group['items']}</td>"
        f"<td>{interval(group['score'])}</td><td>{comparator(group)}</td>"
        f"<td>{escape(reasons(group['reasons']))}</td></tr>"
        for group in report["groups"]
    )
    figures = ("Scored", "Score, 95 % interval", "Without knowledge", "Not right because")
    return table(("Suite", "Group", *figures), rows)


def about(group: Row) -> str:
    """Render the group's sentence, once."""
    sentence = "" if group["language"] else group.get("about", "")
    return f"<small>{escape(sentence)}</small>" if sentence else ""


def failures(group: Row, examples: Iterable[Row]) -> str:
    """Render up to three failures, folded; those of a site's own items have their id alone."""
    rows = "".join(
        f"<li><code>{escape(example['id'])}</code> {escape(example['reason'])}"
        f"{quote('asked', example['question'])}{quote('answered', example['answer'])}</li>"
        for example in examples
        if (example["suite"], example["group"]) == (group["suite"], group["group"])
        and not group["language"]
    )
    return f"<details><summary>failures</summary><ul>{rows}</ul></details>" if rows else ""


def quote(verb: str, text: str | None) -> str:
    """Render a text with who said it."""
    return "" if text is None else f"<br>{verb}: <q>{escape(text)}</q>"


def subgroups(found: Iterable[Row]) -> str:
    """Render the score of each subgroup, and which of its kind it differs from."""
    rows = [
        f'<tr><td>{escape(part["suite"])}</td><th scope="row">{escape(part["subgroup"])}</th>'
        f"<td>{part['score']['n']}</td><td>{interval(part['score'])}</td>"
        f"<td>{escape(', '.join(part['apart_from']) or 'none')}</td></tr>"
        for part in found
    ]
    columns = ("Suite", "Subgroup", "Items", "Score, 95 % interval", "Differs from")
    return table(columns, rows) if rows else ""


def interval(found: JsonView | None) -> str:
    """Write an estimate with its interval; never without it."""
    if not found:
        return "not scored"
    low, high = found["low"], found["high"]
    return f"{percent(found['value'])} % ({percent(low)} to {percent(high)} %)"


def percent(value: float) -> str:
    """Write a share without its sign."""
    return f"{value * 100:.0f}"


def comparator(group: Row) -> str:
    """Write what needs no knowledge: guessing, or the best of some answers that are each given to
    every question; and that the score does not differ from it."""
    same = "; the score does not differ from it" if group["is_at_chance"] else ""
    if group["chance"]:
        return f"guessing {percent(group['chance'])} %{same}"
    constant = group.get("constant")
    return "" if constant is None else f"one answer {percent(constant)} %{same}"


def reasons(found: Mapping[str, int]) -> str:
    """Write how often each reason was given."""
    return ", ".join(f"{name} {count}" for name, count in found.items())


def agreement(found: Iterable[Row]) -> str:
    """Render how far answers that should be alike are."""
    rows = [
        f'<tr><th scope="row">{escape(entry["of"])}</th>'
        f"<td>{interval(entry['agreement'])}</td></tr>"
        for entry in found
    ]
    return table(("Same answer", "Share, 95 % interval"), rows) if rows else ""


def sources(found: Iterable[Row]) -> str:
    """Say which files the items came from."""
    listed = "; ".join(
        f"{escape(source['name'])}{' (own)' if source['is_own'] else ''} "
        f"<code>{source['sha256'][:DIGITS]}</code>"
        for source in found
    )
    return f"<p>Items: {listed}.</p>"
