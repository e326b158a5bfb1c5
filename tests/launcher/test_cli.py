"""The command line: a table, and errors as one sentence."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from launcher import cli
from launcher.errors import LauncherError, ToldToStop


def fails(error: Exception) -> None:
    """A command that ends this way."""

    def command() -> None:
        raise error

    cli.run(cli.application((("fail", command),)), ["fail"])


def test_every_command_of_the_table_is_listed() -> None:
    """With its first sentence; those of a group under the group."""
    for name, command in cli.COMMANDS:
        *families, own = name.split()
        said = CliRunner().invoke(cli.application(), [*families, "--help"]).output
        assert own in said
        assert (command.__doc__ or "").strip()


def test_an_error_is_one_sentence_and_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback."""
    with pytest.raises(SystemExit) as ended:
        fails(LauncherError("The port is taken."))

    assert ended.value.code == 2
    assert capsys.readouterr().err == "The port is taken.\n"


def test_a_stop_that_was_asked_for_is_no_failure() -> None:
    """Exit code 0."""
    with pytest.raises(SystemExit) as ended:
        fails(ToldToStop("Stopped."))

    assert ended.value.code == 0


def test_a_bug_is_not_dressed_up() -> None:
    """What is not ours keeps its traceback."""
    with pytest.raises(ZeroDivisionError):
        fails(ZeroDivisionError())


def test_a_wrong_option_is_exit_code_2() -> None:
    """As for every wrong input."""
    assert CliRunner().invoke(cli.application(), ["serve", "--no-such"]).exit_code == 2
    assert isinstance(cli.application(), typer.Typer)
