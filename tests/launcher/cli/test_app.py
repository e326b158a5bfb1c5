"""The command line: a table, errors as one sentence, exit codes, completion."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.settings.removed import COMMANDS as REMOVED
from launcher.cli import app
from launcher.cli.app import TASKS
from launcher.errors import LauncherError, ToldToStop
from tests.command import MMHIE, Command
from tests.contract.process import ROOT

NAMES = list(app.COMMANDS)
ERRORS: list[Exception] = []
# Something that a command cannot take or do.
WRONG: dict[str, tuple[dict[str, str], list[str]]] = {
    "engine": ({}, []),
    "chat": ({"url": "nowhere"}, ["x"]),
    "status": ({"url": "ftp://x"}, []),
    "doctor": ({"reasoner_model": "/no/such/model"}, []),
    "accept": ({"url": "ftp://x"}, []),
    "evaluate": ({}, ["--suite", "knowlege"]),
    "fetch": ({}, ["no/such", "--revision", "x"]),
    "hold": ({"hold_file": "/proc/none/hold.json"}, ["--reason", "x"]),
    "release": ({"max_tokens": "none"}, []),
    "keys new": ({"keys_file": "keys.json"}, ["--name", "x", "--expires", "soon"]),
    "keys list": ({}, []),
    "keys revoke": ({"keys_file": "keys.json"}, ["nobody"]),
    "audit verify": ({}, []),
    "audit export": ({"audit_file": "none", "audit_key": "k" * 32}, []),
    "version": ({}, ["an", "unexpected", "word"]),
}


def fails(error: Exception) -> int:
    """Run a command that ends this way; its exit code."""
    ERRORS.append(error)
    return app.exit_code(app.build_command_line({"fail": f"{__name__}:failing"}), ["fail"])


def output(*arguments: str) -> str:
    """Return the output of a command that goes well."""
    done = CliRunner().invoke(app.build_command_line(), [*arguments])
    assert done.exit_code == 0
    return done.output


def failing() -> None:
    """Fail as the test says."""
    raise ERRORS.pop()


PLAIN = {"serve", "engine", "chat"}  # their output is for people


def test_every_command_of_the_table() -> None:
    """It is listed, under its group; it has a first sentence, and speaks JSON to scripts."""
    for name, function in app.COMMANDS.items():
        *families, own = name.split()

        assert own in output(*families, "--help")
        assert (app.load(function).__doc__ or "").strip(), name
        assert ("--json" in output(*name.split(), "-h")) is (name not in PLAIN), name


LOADED = """
import atexit, sys
from launcher.cli.app import main
atexit.register(lambda: print(*sys.modules))
main()
"""
# Each takes longer to import than a plan takes to make.
SLOW = {"asyncio", "http", "httpx2", "huggingface_hub", "multiprocessing", "psutil", "rich"}


@pytest.mark.parametrize(
    ("arguments", "absent"), [(["--help"], {*SLOW, "pydantic"}), (["plan"], SLOW)]
)
def test_what_a_command_does_not_import(
    arguments: list[str], absent: set[str], tmp_path: Path
) -> None:
    """Half a second, for a person who waits and for a script that plans for many cards."""
    command = [sys.executable, "-c", LOADED, *arguments]
    environ = {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True)

    assert "launcher.cli.app" in done.stdout.split()
    assert absent.isdisjoint(done.stdout.split())


def test_the_overview_fits_a_terminal() -> None:
    """24 lines of 80 columns, the prompts before and after it included; every command once."""
    lines = output("--help").rstrip().splitlines()
    listed = [name for commands in TASKS.values() for name in commands]

    assert len(lines) <= 22
    assert max(map(len, lines)) <= 80
    assert sorted(listed) == sorted({name.split()[0] for name in NAMES})


@pytest.mark.parametrize("name", WRONG)
def test_bad_input_is_one_sentence(
    name: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2 and never a traceback."""
    variables, arguments = WRONG[name]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    assert re.fullmatch(r"\S.*[.`]\n", command.refusal(*name.split(), *arguments, **variables))


def test_what_was_removed_says_what_replaces_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A command, and an option wherever it stands in its own one; exit code 2. A row of the table
    would hide a command of the same name."""
    for words, instead in REMOVED.items():
        *command, last = words.split()
        middle = ["--gpus", "8xH100"] if last.startswith("-") else []
        arguments = [*command, *middle, last, "--json"]
        assert not any(f"{name} ".startswith(f"{words} ") for name in NAMES)
        assert app.exit_code(app.build_command_line(), arguments) == 2
        assert capsys.readouterr().err == f"`mmhie {words}` was removed. {instead}\n"
    app.refuse_removed(["serve", "--nodes", "2"], {"plan --nodes": "It is one machine."})
    app.refuse_removed(["cards", "show"], {"card show": "It is at /v1/mmhie/model-card."})


def test_an_error_is_one_sentence_and_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """A stop on request is no failure. A fault of ours has exit code 70; its traceback is in a file
    for whoever repairs it, and for nobody else."""
    for error, code in ((LauncherError("The port is taken."), 2), (ToldToStop("Stopped."), 0)):
        assert fails(error) == code
        assert capsys.readouterr().err == f"{error}\n"
    assert fails(ZeroDivisionError("text of a patient")) == 70

    said = capsys.readouterr().err
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
    environ = {**os.environ, "MMHIE_REASONER_MODEL": "embedded"}

    assert subprocess.check_output(["bash", "-c", command], env=environ, cwd=tmp_path) == b"1\n"
    assert (tmp_path / "err").read_text() == ""


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("engine --prot 1", "'--port'"),
        ("serve --prot 1", "'MMHIE_PORT'"),
        ("serve --model a/b", "'MMHIE_REASONER_MODEL'"),
        ("audit show --since 1h", None),
    ],
)
def test_a_misspelt_option(
    words: str, meant: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The nearest option of the command, else a setting of that name, else neither."""
    command, option, _ = words.rsplit(maxsplit=2)
    assert app.exit_code(app.build_command_line(), words.split()) == 2

    question = f". Did you mean {meant}? See" if meant else "; see"
    expected = f"No such option: {option}{question} `mmhie {command} --help`.\n"
    assert capsys.readouterr().err == expected


def test_the_module_is_the_command() -> None:
    """`python -m launcher` calls itself mmhie; of an unknown option it says where to read more. The
    version tells program, Python and engine in a line."""
    command = [sys.executable, "-m", "launcher", "keys", "--no-such"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.stderr == "No such option: --no-such; see `mmhie keys --help`.\n"
    assert re.match(
        rf"mmhie {metadata.version('mmhie-server')}, Python 3.*vllm", output("--version")
    )


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


def test_hold_and_keys_as_json(command: Command) -> None:
    """A script gets all that it needs of them."""
    files = {"hold_file": "hold.json", "keys_file": "keys.json"}

    def told(*arguments: str, code: int = 0) -> dict[str, object]:
        out, err = command.run(*arguments, "--json", exit_code=code, **files)
        assert bool(err) == bool(code)
        document: dict[str, object] = json.loads(out)
        return document

    held = told("hold", "--reason", "drift", "--by", "me", code=1)
    assert held.items() >= {("held", True), ("reason", "drift"), ("by", "me")}
    assert told("release").items() >= {("held", False), ("was_held", True), ("by", "me")}
    key = told("keys", "new", "--name", "ward", "--expires", "30d")
    assert str(key["key"]).startswith("mmhie_")
    assert told("keys", "list") == {"keys": [{n: v for n, v in key.items() if n != "key"}]}
    assert told("keys", "revoke", "ward") == {"revoked": "ward"}
