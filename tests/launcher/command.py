"""`mmhie plan` in the process of a test: a process of its own would import for half a second."""

import os

import pytest

from launcher.cli import app


class Command:
    """The command, with none of our settings but those it is given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        for name in [name for name in os.environ if name.startswith("MMHIE_")]:
            monkeypatch.delenv(name)
        self._monkeypatch = monkeypatch
        self._captured = capfd

    def __call__(self, *arguments: str, **variables: str) -> tuple[object, str, str]:
        """Exit code, standard output, standard error."""
        with self._monkeypatch.context() as environ:
            for name, text in variables.items():
                environ.setenv(f"MMHIE_{name.upper()}", text)
            with pytest.raises(SystemExit) as ended:
                app.run(app.application(), ["plan", *arguments])
        return ended.value.code, *self._captured.readouterr()
