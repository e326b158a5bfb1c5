"""The command line: a table, errors as one sentence, exit codes, completion."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from launcher.cli import app
from launcher.cli.app import TASKS
from launcher.errors import LauncherError, ToldToStop
from tests.contract.process import free_port

MMHIE = Path(sys.executable).with_name("mmhie")
NAMES = list(app.COMMANDS)
ERRORS: list[Exception] = []
# For each command, beside an unknown option, something it cannot take or do.
WRONG = {
    "serve": ({"MMHIE_PORT": "0"}, []),
    "engine": ({}, []),
    "chat": ({"MMHIE_URL": "nowhere"}, ["x"]),
    "status": ({"MMHIE_URL": "ftp://x"}, []),
    "plan": ({}, ["--gpus", "many"]),
    "capacity": ({}, ["--rps", "1", "--gpu", "many"]),
    "doctor": ({"MMHIE_REASONER_MODEL": "/no/such/model"}, []),
    "accept": ({"MMHIE_REASONER_MODEL": "/no/such/model"}, []),
    "accept verify": ({}, ["no-such-report.json"]),
    "evaluate": ({}, ["--suite", "knowlege"]),
    "evaluate compare": ({}, ["none.json", "none.json"]),
    "evaluate verify": ({}, ["no-such-report.json"]),
    "profiles": ({"MMHIE_DEVICE": "abacus"}, []),
    "profiles add": ({}, ["no-such-report.json"]),
    "fetch": ({"HF_HUB_OFFLINE": "1"}, ["no/such", "--revision", "x"]),
    "merge-adapter": ({"MMHIE_REASONER_MODEL": "/no/such/model"}, []),
    "hold": ({"MMHIE_HOLD_FILE": "/proc/none/hold.json"}, ["--reason", "x"]),
    "release": ({"MMHIE_MAX_TOKENS": "none"}, []),
    "keys new": ({"MMHIE_KEYS_FILE": "keys.json"}, ["--name", "x", "--expires", "soon"]),
    "keys list": ({}, []),
    "keys revoke": ({"MMHIE_KEYS_FILE": "keys.json"}, ["nobody"]),
    "audit verify": ({}, []),
    "card init": ({}, ["no/such/folder/card.toml"]),
    "card check": ({}, ["no-such-card.toml"]),
    "audit export": ({"MMHIE_AUDIT_FILE": "none", "MMHIE_AUDIT_KEY": "k" * 32}, []),
}


def mmhie(
    folder: Path, *arguments: str, given: str = "", **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does, in an empty folder."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME")}
    return subprocess.run(
        [MMHIE, *arguments],
        cwd=folder,
        env={**kept, "XDG_CACHE_HOME": str(folder), **environ},
        input=given,
        capture_output=True,
        text=True,
    )


def fails(error: Exception) -> None:
    """Run a command that ends this way."""
    ERRORS.append(error)
    app.run(app.application({"fail": f"{__name__}:failing"}), ["fail"])


def failing() -> None:
    """Fail as the test says."""
    raise ERRORS.pop()


def test_every_command_of_the_table_is_listed() -> None:
    """With its first sentence; those of a group under the group."""
    for name, command in app.COMMANDS.items():
        *families, own = name.split()
        said = CliRunner().invoke(app.application(), [*families, "--help"]).output
        assert own in said
        assert (app.load(command).__doc__ or "").strip()


def test_the_overview_fits_a_terminal() -> None:
    """24 lines of 80 columns, the prompts before and after it included; every command once."""
    said = CliRunner().invoke(app.application(), ["--help"]).output
    lines = said.rstrip().splitlines()
    listed = [name for commands in TASKS.values() for name in commands]

    assert len(lines) <= 22
    assert max(map(len, lines)) <= 80
    assert sorted(listed) == sorted({name.split()[0] for name in NAMES})


def test_a_sentence_is_wrapped_between_words(tmp_path: Path) -> None:
    """A terminal would break it inside a word; to a pipe it stays one line."""
    ours, theirs = os.openpty()
    asked = ("status", "--url", f"http://127.0.0.1:{free_port()}")  # where nobody answers
    environ = {**os.environ, "COLUMNS": "40", "MMHIE_MAX_TOKEN": "1"}
    subprocess.run([MMHIE, *asked], cwd=tmp_path, env=environ, stderr=theirs, check=False)
    os.close(theirs)
    lines = os.read(ours, 4096).decode().splitlines()
    os.close(ours)
    told = mmhie(tmp_path, *asked, MMHIE_MAX_TOKEN="1").stderr

    assert max(map(len, lines)) <= 40
    assert " ".join(lines) + "\n" == told


@pytest.mark.parametrize("name", ["", *NAMES])
def test_the_short_option_for_help(name: str) -> None:
    """-h is --help, for the program, its groups and its commands."""
    long, short = (
        CliRunner().invoke(app.application(), [*name.split(), o]) for o in ("--help", "-h")
    )

    assert (short.exit_code, short.output) == (0, long.output)


def test_the_version_as_an_option() -> None:
    """The same as the command."""
    command, option = (CliRunner().invoke(app.application(), [o]) for o in ("version", "--version"))

    assert (option.exit_code, option.output) == (0, command.output)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_speaks_json(name: str) -> None:
    """Scripts need not read sentences."""
    said = CliRunner().invoke(app.application(), [*name.split(), "--help"]).output

    assert "--json" in said


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_option_is_one_sentence(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and where to read what there is."""
    with pytest.raises(SystemExit) as ended:
        app.run(app.application(), [*name.split(), "--zzz"])

    assert ended.value.code == 2
    assert capsys.readouterr().err == f"No such option: --zzz; see `mmhie {name} --help`.\n"


@pytest.mark.parametrize("name", NAMES)
def test_bad_input_is_one_sentence(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2 and never a traceback."""
    environ, arguments = WRONG.get(name, ({}, ["an", "unexpected", "word"]))
    monkeypatch.chdir(tmp_path)
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as ended:
        app.run(app.application(), [*name.split(), *arguments])
    out, err = capfd.readouterr()

    assert ended.value.code == 2, err
    assert err.count("\n") == 1, err
    assert re.fullmatch(r"\S.*[.`]\n", err)
    assert "Traceback" not in out


def test_an_error_is_one_sentence_and_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """An error has no traceback."""
    with pytest.raises(SystemExit) as ended:
        fails(LauncherError("The port is taken."))

    assert ended.value.code == 2
    assert capsys.readouterr().err == "The port is taken.\n"


def test_a_stop_that_was_asked_for_is_no_failure() -> None:
    """A stop on request ends with exit code 0."""
    with pytest.raises(SystemExit) as ended:
        fails(ToldToStop("Stopped."))

    assert ended.value.code == 0


def test_a_fault_of_ours_is_a_sentence_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 70; the traceback is in a file for whoever repairs it, and for nobody else."""
    with pytest.raises(SystemExit) as ended:
        fails(ZeroDivisionError("text of a patient"))

    said = capsys.readouterr().err
    assert ended.value.code == 70
    assert "ZeroDivisionError" in said
    assert "patient" not in said
    assert said.count("\n") == 1
    file = Path(said.rpartition(" ")[2].strip().removesuffix("."))
    assert "in failing" in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    file.unlink()


def test_a_reader_that_has_enough(tmp_path: Path) -> None:
    """`mmhie ... | head` ends with 1, and quietly."""
    command = f"{MMHIE} plan --gpus 1x80 --json 2> err | true; echo ${{PIPESTATUS[0]}}"
    model = {"MMHIE_REASONER_MODEL": "embedded"}
    done = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, **model},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert done.stdout == "1\n"
    assert (tmp_path / "err").read_text() == ""


def test_the_module_is_the_command(tmp_path: Path) -> None:
    """`python -m launcher` calls itself mmhie."""
    done = subprocess.run(
        [sys.executable, "-m", "launcher", "keys", "--no-such"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
    )

    assert done.stderr == "No such option: --no-such; see `mmhie keys --help`.\n"


@pytest.mark.parametrize(("shell", "mark"), [("zsh", "#compdef mmhie"), ("fish", "complete ")])
def test_completion_for_a_shell(shell: str, mark: str, tmp_path: Path) -> None:
    """The script that `--install-completion` would install."""
    done = mmhie(
        tmp_path, "--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"
    )

    assert done.returncode == 0, done.stderr
    assert mark in done.stdout
    assert "_MMHIE_COMPLETE" in done.stdout


def test_bash_completes(tmp_path: Path) -> None:
    """For real: the commands that begin so."""
    script = f"""
        PATH={MMHIE.parent}:$PATH
        eval "$(mmhie --show-completion)"
        COMP_WORDS=(mmhie keys re); COMP_CWORD=2
        _mmhie_completion mmhie re keys
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=tmp_path)

    assert done.stdout == "revoke\n", done.stderr


def test_hold_and_keys_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script gets all that it needs of them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MMHIE_HOLD_FILE", "hold.json")
    monkeypatch.setenv("MMHIE_KEYS_FILE", "keys.json")

    def told(*arguments: str, code: int = 0) -> dict[str, object]:
        with pytest.raises(SystemExit) as ended:
            app.run(app.application(), [*arguments, "--json"])
        out, err = capsys.readouterr()
        assert (ended.value.code, bool(err)) == (code, bool(code))
        document: dict[str, object] = json.loads(out)
        return document

    assert told("hold", "--reason", "drift", "--by", "me", code=1).items() >= {
        ("held", True),
        ("reason", "drift"),
        ("by", "me"),
    }
    assert told("release").items() >= {("held", False), ("was_held", True), ("by", "me")}
    assert told("release").items() >= {("held", False), ("was_held", False)}
    key = told("keys", "new", "--name", "ward", "--expires", "30d")
    assert str(key["key"]).startswith("mmhie_")
    assert told("keys", "list") == {"keys": [{n: v for n, v in key.items() if n != "key"}]}
    assert told("keys", "revoke", "ward") == {"revoked": "ward"}
