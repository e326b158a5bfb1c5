"""`mmhie doctor`: every check can fail, and says what to do."""

import json
import socket
from pathlib import Path

import pytest

from launcher.cli.doctor import CHECKS, CheckedConfiguration, DoctorFinding, run_checks
from launcher.errors import LauncherError, ModelError, PlanError
from launcher.models.families import CONFIGS
from launcher.serving import engine_judge
from tests.command import mmhie
from tests.fake_hub.files import tensors
from tests.models import smollm2


@pytest.fixture(autouse=True)
def takes_every_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine finds nothing wrong: what it says is tested in test_engine_judge."""

    async def judge(*_: object) -> None: ...

    monkeypatch.setattr(engine_judge, "judge", judge)


def findings(tmp_path: Path, **ours: str) -> dict[str, DoctorFinding]:
    """By the check's name."""
    subject = CheckedConfiguration(
        {"MMHIE_CACHE_DIR": str(tmp_path), "MMHIE_DEVICE": "cpu", **ours}
    )
    return {finding.check: finding for finding in run_checks(subject)}


def write_model(folder: Path) -> Path:
    """A model that is whole, as far as a plan looks."""
    (folder / "config.json").write_text(json.dumps(CONFIGS["facebook/opt-1.3b"]))
    (folder / "model.safetensors").write_bytes(tensors({"w": (1,)}))
    return folder


@pytest.mark.slow
def test_a_healthy_machine(tmp_path: Path, unused_tcp_port: int) -> None:
    """Every check passes on a real folder, in the real command; as JSON for programs."""
    model = str(smollm2.model())
    ours = {"MMHIE_CACHE_DIR": str(tmp_path), "MMHIE_PORT": str(unused_tcp_port)}
    done = mmhie(tmp_path, "doctor", "--json", MMHIE_REASONER_MODEL=model, **ours)
    outcomes = {check["check"]: check for check in json.loads(done.stdout)["checks"]}

    assert done.returncode == 0, done
    assert list(outcomes) == list(CHECKS)
    wrong = {name: check for name, check in outcomes.items() if check["outcome"] != "ok"}
    assert list(wrong) == ["digests"], wrong
    assert "No SHA-256 was recorded" in wrong["digests"]["sentence"]
    assert outcomes["engine"]["sentence"].startswith("The vocabulary loads, and vLLM takes")
    people = mmhie(tmp_path, "doctor", MMHIE_REASONER_MODEL=model, **ours)
    assert people.stdout.splitlines()[-1] == "8 checks, none failed: `mmhie serve` can start."


def test_what_is_missing_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    """A model that is not on this machine; what follows from that is not told again."""
    missing = {"MMHIE_REASONER_MODEL": "facebook/opt-1.3b", "HF_HOME": str(tmp_path)}
    done = mmhie(tmp_path, "doctor", MMHIE_DEVICE="cpu", **missing)
    lines = {line.split()[1]: line for line in done.stdout.splitlines()}

    assert done.returncode == 2
    assert "run `mmhie fetch facebook/opt-1.3b` first" in lines["weights"]
    assert lines["digests"].split(maxsplit=2)[2] == "See weights."
    assert "weights" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("check", "ours", "words"),
    [
        ("settings", {"MMHIE_MAX_QUEUE": "many"}, "MMHIE_MAX_QUEUE"),
        ("device", {"MMHIE_DEVICE": "cuda"}, "no GPU is visible"),
        ("plan", {"MMHIE_REASONER_MODEL": "no/such-model"}, "mmhie fetch no/such-model"),
    ],
)
def test_each_wrong_setting_has_its_check(
    check: str, ours: dict[str, str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence is the one a start would end with."""
    for name, value in ours.items():
        monkeypatch.setenv(name, value)  # the gateway reads its own
    outcomes = findings(tmp_path, **ours)

    assert outcomes[check].outcome == "failed"
    assert words in outcomes[check].sentence


def test_a_changed_file_is_found(tmp_path: Path) -> None:
    """The hub's cache: the right length, the wrong bytes."""
    file, blob = write_model(tmp_path) / "model.safetensors", tmp_path / ("0" * 64)
    file.rename(blob)
    file.symlink_to(blob)

    outcomes = findings(tmp_path, MMHIE_REASONER_MODEL=str(tmp_path))

    assert outcomes["weights"].outcome == "ok"
    assert outcomes["digests"].outcome == "failed"
    assert "model.safetensors changed" in outcomes["digests"].sentence


@pytest.mark.parametrize("error", [ModelError("No."), PlanError("No.")])
def test_what_the_engine_says_is_a_finding(
    error: LauncherError, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vocabulary that does not load, and a refusal."""

    async def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(engine_judge, "judge", refuse)
    finding = findings(tmp_path, MMHIE_REASONER_MODEL=str(write_model(tmp_path)))["engine"]

    assert (finding.outcome, finding.sentence) == ("failed", "No.")


def test_a_checkpoint_still_to_be_made(tmp_path: Path) -> None:
    """The embedded model before its first start: it is judged then. A port that is taken
    is found before the engine has loaded for a minute."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        outcomes = findings(tmp_path, MMHIE_REASONER_MODEL="embedded", MMHIE_PORT=port)

    assert outcomes["port"].outcome == "failed"
    assert outcomes["digests"].outcome == "ok"
    assert outcomes["engine"].outcome == "warning"
    assert outcomes["weights"].outcome == "ok"
