"""`mmhie` in the process of a test, and in one of its own, which imports for half a second."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.cli import app
from tests.waiting import PATIENCE_S

MMHIE = Path(sys.executable).with_name("mmhie")
# The model hub, unless a test has one: where there is no network, each look-up of the real one's
# name may take seconds.
NOWHERE = "http://127.0.0.1:9"


def mmhie(
    folder: Path, *arguments: str, given: str = "", **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does, in this folder and with these variables alone."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME")}
    return subprocess.run(
        [MMHIE, *arguments],
        cwd=folder,
        env={**kept, "XDG_CACHE_HOME": str(folder), "HF_ENDPOINT": NOWHERE, **environ},
        input=given,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


class Command:
    """A command, with none of our settings but those it is given."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        captured: pytest.CaptureFixture[str],
        *words: str,
    ) -> None:
        for name in [name for name in os.environ if name.startswith("MMHIE_")]:
            monkeypatch.delenv(name)
        if "HF_ENDPOINT" not in os.environ:
            monkeypatch.setenv("HF_ENDPOINT", NOWHERE)
        self.monkeypatch = monkeypatch
        self._captured = captured
        self.words = words

    def __call__(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        with self.monkeypatch.context() as environ:
            for name, text in variables.items():
                environ.setenv(f"MMHIE_{name.upper()}", text)
            with pytest.raises(SystemExit) as ended:
                app.run(app.build_command_line(), [*self.words, *arguments])
        return int(ended.value.code or 0), *self._captured.readouterr()

    def run(self, *arguments: str, exit_code: int = 0, **variables: str) -> tuple[str, str]:
        """Standard output and standard error, after this exit code."""
        code, out, err = self(*arguments, **variables)
        assert code == exit_code, out + err
        return out, err

    def refusal(self, *arguments: str, **variables: str) -> str:
        """The one sentence with which it ends, exit code 2 and no traceback."""
        out, err = self.run(*arguments, exit_code=2, **variables)
        assert err.count("\n") == 1, err
        assert "Traceback" not in out
        return err
