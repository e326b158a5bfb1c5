"""Lists in the documentation are those of the code: commands, errors, red flags, threats."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import typer
import yaml

from gateway.errors import GatewayError
from gateway.observability.metrics import Metrics
from gateway.safety.red_flags.measurements import FILE
from gateway.safety.red_flags.model import model
from launcher.cli.app import COMMANDS, build_command_line
from tests.docs.examples import DOCS
from tests.kubernetes.rendered import KUBERNETES
from tests.observability.queries import ALERTS
from tests.safety.places import page

LINE = re.compile(
    r"^- \*\*`mmhie (?P<name>[a-z ]*[a-z])(?: \[?[A-Z_]+\]?)?`\*\*: .*$", re.MULTILINE
)
LINES = {match["name"]: match[0] for match in LINE.finditer((DOCS / "cli.md").read_text())}
COMMON = {"--help", "--json", "--url", "--key"}  # described once, at the top of the page
PROOF = re.compile(r"`tests/[\w/]+\.py::test_\w+`")  # test_paths.py finds each


def test_every_command_is_listed() -> None:
    """And none that there is not."""
    assert set(LINES) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_its_options(name: str) -> None:
    """Each that is its own, and no other."""
    command: Any = typer.main.get_command(build_command_line())
    for word in name.split():
        command = command.get_command(None, word)
    options = {option for each in command.params for option in each.opts[:1] if "-" in option}
    listed = set(re.findall(r"`(--[a-z-]+)`", LINES[name].partition("Options: ")[2]))

    assert listed - COMMON == options - COMMON


def leaves(family: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    """Yield every error that the gateway raises."""
    own = [kind for kind in family.__subclasses__() if kind.__module__ == GatewayError.__module__]
    for child in own:
        yield from list(leaves(child)) or [child]


def test_every_error_is_documented() -> None:
    """With its status and its code, and no error that there is not."""
    lines = (DOCS / "limits.md").read_text().splitlines()
    listed = {line.partition(":")[0] for line in lines if line.startswith(("- 4", "- 5"))}

    assert listed == {f"- {leaf.status} `{leaf.code}`" for leaf in leaves()}


def test_every_metric_is_documented() -> None:
    """Under the name that Prometheus shows."""
    text = (DOCS / "monitoring.md").read_text()
    families = [
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in Metrics().registry.collect()
        if family.name.startswith("mmhie_")
    ]

    assert len(families) > 15
    assert [name for name in families if f"`{name}`" not in text] == []


def test_the_thresholds_of_red_flags_are_the_models() -> None:
    """One for each number of lines in the table."""
    limits = [f"{model().threshold + rise:.1f}" for rise in model().rises]

    assert f"| log-odds | {' | '.join(limits)} |" in (DOCS / "red-flags.md").read_text()


def test_every_measured_value_has_its_row() -> None:
    """With its topic, its source, and each limit of a dangerous band."""
    text = (DOCS / "red-flags.md").read_text()
    for name, row in tomllib.loads(FILE.read_text())["measurements"].items():
        (line,) = re.findall(rf"^\| {name}[,|  ].*$", text, re.MULTILINE)
        assert line.endswith(f"| {row['topic']} | {row['source']} |")
        for bands in row["bands"].values():
            assert bands[1] != "very-low" or f"under {bands[2]}" in line
            assert bands[-2] != "very-high" or f"from {bands[-3]}" in line


def test_labels_are_where_the_page_says() -> None:
    """Row by row, as `tests/safety` compares them with what a client holds."""
    assert page() in (DOCS / "surfaces.md").read_text()


def test_the_operators_alerts_are_the_same() -> None:
    """The rules of alerts.yml, in an object of the Prometheus operator."""
    rule = yaml.safe_load((KUBERNETES / "monitoring" / "prometheusrule.yaml").read_text())

    assert rule["spec"] == yaml.safe_load(ALERTS.read_text())


def test_every_threat_has_its_test() -> None:
    """In the last of three columns."""
    section = (DOCS / "threat-model.md").read_text().partition("## Threats\n")[2]
    rows = re.findall(r"^\| (?!threat).+$", section.partition("\n## ")[0], re.MULTILINE)
    assert len(rows) > 40
    for row in rows:
        *columns, tests = row.strip("| ").split(" | ")
        assert len(columns) == 2, row
        assert PROOF.search(tests)
        assert PROOF.sub("", tests).strip(", ") == ""
