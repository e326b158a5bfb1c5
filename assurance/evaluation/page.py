"""The evaluation report as one HTML page that loads nothing; the signed JSON is inside it."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final

from assurance.evaluation.report import SIGNATURE
from assurance.reports.charts import interval_chart
from assurance.reports.page import facts, figures, framed, signature, table
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
}
Row = JsonView


def html(text: str) -> str:
    """Render a signed report."""
    report = SIGNATURE.read(text)
    model, whole = report["served"]["model"], report["is_complete"]
    body = (
        f"<h1>Evaluation of {escape(model)}</h1>\n"
        f'<p class="verdict{"" if whole else " failed"}">{escape(report["verdict"])}</p>\n'
        f"<p>{escape(report['time'])}, mmhie {escape(report['version'])}. "
        f"{asking(report['asking'])}</p>\n{facts(NAMES, report['served'])}\n"
        f"{charts(report['groups'])}\n"
        f"{scores(report['groups'])}\n{agreement(report['agreement'])}\n{sources(report['sources'])}\n"
        "<footer>Intervals: Wilson's for right and wrong, the bootstrap for fractions, both 95 %. "
        "No score here shows that the model is safe for patients: rules and question sets measure "
        "what they measure, and clinicians validate locally. Questions and answers are in the "
        "report's .logs folder, for <code>inspect view --log-dir</code>. "
        f"{signature(report['mac'], 'mmhie evaluate verify')}</footer>"
    )
    return framed(f"Evaluation of {model}", body, text)


REPORT: Final = ReportKind(SIGNATURE, html, ("time", "is_complete", "verdict", "groups"))


def asking(found: JsonView) -> str:
    """Say how the items were asked."""
    choice = "choices constrained by the engine" if found["is_constrained"] else "free answers"
    judge = f"judge {found['judge']['model']}" if found["judge"] else "no judge"
    limit = f", at most {found['limit']} items of each set" if found["limit"] else ""
    return escape(
        f"Temperature 0, at most {found['max_tokens']} tokens, {choice}, "
        f"{found['connections']} requests at once, {judge}{limit}."
    )


def charts(groups: Sequence[Row]) -> str:
    """Draw the groups of each suite with their intervals."""
    drawn = []
    for suite in dict.fromkeys(group["suite"] for group in groups):
        rows = {
            name_of(group): (group["score"]["value"], group["score"]["low"], group["score"]["high"])
            for group in groups
            if group["suite"] == suite and group["score"]
        }
        if rows:
            drawn.append(interval_chart(suite, rows))
    return figures(drawn)


def name_of(group: Row) -> str:
    """Return a group's name, with its language where it has several."""
    language = f", {group['language']}" if group["language"] else ""
    return f"{group['group']}{language}"


def scores(groups: Iterable[Row]) -> str:
    """Render every group with interval and chance level."""
    rows = "\n".join(
        f'<tr><td>{escape(group["suite"])}</td><th scope="row">{escape(name_of(group))}</th>'
        f"<td>{group['scored']} of {group['items']}</td><td>{interval(group['score'])}</td>"
        f"<td>{chance(group)}</td><td>{escape(reasons(group['reasons']))}</td></tr>"
        for group in groups
    )
    head = "<th>Suite</th><th>Group</th><th>Scored</th><th>Score, 95 % interval</th>"
    more = "<th>Guessing</th><th>Not right because</th>"
    return table(f"{head}{more}", rows)


def interval(found: JsonView | None) -> str:
    """Write an estimate with its interval; never without it."""
    if not found:
        return "not scored"
    low, high = found["low"], found["high"]
    return f"{percent(found['value'])} % ({percent(low)} to {percent(high)} %)"


def percent(value: float) -> str:
    """Write a share without its sign."""
    return f"{value * 100:.0f}"


def chance(group: Row) -> str:
    """Write the chance level, and that the score does not differ from it."""
    if not group["chance"]:
        return ""
    same = ", and the score does not differ from it" if group["is_at_chance"] else ""
    return f"{percent(group['chance'])} %{same}"


def reasons(found: Mapping[str, int]) -> str:
    """Write how often each reason was given."""
    return ", ".join(f"{name} {count}" for name, count in found.items())


def agreement(found: Iterable[Row]) -> str:
    """Render how far answers that should be alike are."""
    rows = "\n".join(
        f'<tr><th scope="row">{escape(entry["of"])}</th>'
        f"<td>{interval(entry['agreement'])}</td></tr>"
        for entry in found
    )
    if not rows:
        return ""
    return table("<th>Same answer</th><th>Share, 95 % interval</th>", rows)


def sources(found: Iterable[Row]) -> str:
    """Say which files the items came from."""
    listed = "; ".join(
        f"{escape(source['name'])}{' (own)' if source['is_own'] else ''} "
        f"<code>{source['sha256'][:12]}</code>"
        for source in found
    )
    return f"<p>Items: {listed}.</p>"
