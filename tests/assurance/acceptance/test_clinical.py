"""The report turns red when something that clinicians depend on is away: real gateways, the fake
engine, and the operator's own commands."""

from pathlib import Path
from typing import Any

import pytest

from assurance.acceptance.check import Check, Finding
from assurance.acceptance.checks import audit, feedback, hold, notice
from tests.assurance.acceptance.targets import target
from tests.contract.fixtures import Start
from tests.contract.process import free_port
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key

pytestmark = pytest.mark.slow

CHECKS: tuple[Check[Any, Any], ...] = (*(notice.CHECK, hold.CHECK, feedback.CHECK, audit.CHECK),)
CONTACT = "Station 7: 2222, „Notfall“"  # in JSON it looks otherwise
CONTACTED = {"MMHIE_EMERGENCY_CONTACT": CONTACT}


class Site:
    """A gateway and its operator, whose settings may differ where the gateway is at fault."""

    def __init__(self, start: Start, engine: FakeEngine, folder: Path) -> None:
        self.start, self.engine, self.folder = start, engine, folder
        self.settings = {
            "MMHIE_PORT": str(free_port()),
            "MMHIE_HOLD_FILE": str(folder / "hold.json"),
            "MMHIE_FEEDBACK_FILE": str(folder / "feedback.sqlite"),
            "MMHIE_AUDIT_FILE": str(folder / "audit.jsonl"),
            "MMHIE_AUDIT_KEY": "k" * 32,
            **CONTACTED,
        }

    async def run(self, *checks: Check[Any, Any], key: str = "", **gateway: str) -> list[Finding]:
        """Return the findings on a gateway that has these settings otherwise than its operator."""
        running = self.start(self.engine.url, **self.settings | gateway).wait()
        environ = self.settings
        async with target(self.engine, running, self.folder, environ, key) as service:
            return [(await check.run(service))[0] for check in checks]


@pytest.fixture
def site(start: Start, engine: FakeEngine, tmp_path: Path) -> Site:
    """A site with everything on."""
    return Site(start, engine, tmp_path)


@pytest.mark.parametrize("has_keys", [False, True])
async def test_a_good_site_passes(site: Site, has_keys: bool) -> None:
    """On an open gateway, and on a German one with keys; the model is left in service."""
    keys = site.folder / "keys.json"
    key = add_key(keys, "ward", "generate", "openai", "feedback") if has_keys else ""
    keyed = {"MMHIE_KEYS_FILE": str(keys), "MMHIE_DISCLAIMER_LANGUAGE": "de"}
    more = keyed if has_keys else {}
    findings = await site.run(*CHECKS, hold.CHECK, key=key, **more)

    assert [finding.outcome for finding in findings] == ["passed"] * 5, findings
    assert CONTACT in findings[0].sentence
    assert not (site.folder / "hold.json").exists()


async def test_what_is_off_does_not_apply(site: Site) -> None:
    """One sentence names the setting; a hold is never off, and needs no notices where none are."""
    off = {"MMHIE_AUDIENCE": "off", "MMHIE_FEEDBACK_FILE": "", "MMHIE_AUDIT_FILE": ""}
    site.settings |= off
    noticed, held, flagged, audited = await site.run(*CHECKS)

    assert held.outcome == "passed", held
    for finding, name in zip((noticed, flagged, audited), off, strict=True):
        assert (finding.outcome, finding.measured) == ("not applicable", "")
        assert name in finding.sentence


@pytest.mark.parametrize(
    ("check", "gateway", "sentence"),
    [
        (notice.CHECK, {"MMHIE_NOTICE_THRESHOLD": "1"}, "raises no notice"),
        (notice.CHECK, {"MMHIE_EMERGENCY_CONTACT": "999"}, "does not name Station 7"),
        (hold.CHECK, {"MMHIE_HOLD_FILE": "other.json"}, "not confirmed"),
        (hold.CHECK, {"MMHIE_AUDIENCE": "off"}, "raised no notice"),
        (feedback.CHECK, {"MMHIE_FEEDBACK_FILE": ""}, "not taken here"),
        (feedback.CHECK, {"MMHIE_FEEDBACK_FILE": "other.sqlite"}, "feedback.sqlite does not exist"),
        (feedback.CHECK, {"MMHIE_AUDIT_FILE": ""}, "does not name a flag"),
        (audit.CHECK, {"MMHIE_AUDIT_FILE": "other.jsonl"}, "belongs to this request"),
        (audit.CHECK, {"MMHIE_AUDIT_KEY": "l" * 32}, "damaged"),
    ],
)
async def test_a_site_without_it_fails(
    site: Site, check: Check[Any, Any], gateway: dict[str, str], sentence: str
) -> None:
    """A gateway that does not do what its operator has set, and what he reads of it."""
    (site.folder / "audit.jsonl").touch()
    (finding,) = await site.run(check, **gateway)

    assert finding.outcome == "failed", finding
    assert sentence in finding.sentence


GOOD: dict[str, dict[str, Any]] = {
    "notice": {
        "messages": ["Chest pain: call 2222."],
        "note": "Call 2222.",
        "contact": "2222",
        "surfaces": 9,
        "missing": [],
        "without_cause": "",
    },
    "hold": {
        "status_held": 503,
        "names_reason": True,
        "has_notice": True,
        "needs_notice": True,
        "status_after": 200,
    },
    "feedback": {"is_listed": True, "is_audited": True, "needs_audit": True},
    "audit line": {"lacking": [], "shown": ["MED101"], "named": ["MED101"], "has_text": False},
}


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        *(("notice", "messages", []), ("notice", "note", "Call somebody.")),
        *(("notice", "missing", ["chat"]), ("notice", "without_cause", "MED101")),
        *(("hold", "status_held", 200), ("hold", "names_reason", False)),
        *(("hold", "has_notice", False), ("hold", "status_after", 503)),
        *(("feedback", "is_listed", False), ("feedback", "is_audited", False)),
        *(("audit line", "lacking", ["client"]), ("audit line", "named", [])),
        ("audit line", "has_text", True),
    ],
)
def test_each_figure_counts(name: str, field: str, value: Any) -> None:
    """A measurement read back from a report is judged by every one of its figures."""
    (check,) = [check for check in CHECKS if check.name == name]

    assert check.recorded(GOOD[name]).outcome == "passed"
    assert check.recorded(GOOD[name] | {field: value}).outcome == "failed"
