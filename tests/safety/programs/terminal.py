"""`mmhie chat` at a real terminal, as wide as any sentence."""

import os
import re
import signal
from pathlib import Path
from typing import Any

from tests.launcher.cli.desk import Desk

ASKED_AGAIN = "\r\n\r\n> "
STYLE = re.compile(r"\x1b\[[0-9;]*m")


def ask(
    folder: Path, url: str, key: str, prompt: str, *, leaves: bool, options: tuple[str, ...]
) -> dict[str, Any]:
    """The person's view: the parts of the `screen`."""
    environ = {"MMHIE_URL": url, "MMHIE_API_KEY": key, "COLUMNS": "1000"}
    desk = Desk(folder, "chat", *options, **environ)
    greeting = desk.until("> ")
    desk.type(f"{prompt}\n")
    if leaves:
        desk.until("Rest.")
        os.kill(desk.pid, signal.SIGINT)
    screen = {"greeting": greeting, **parts(desk.until(ASKED_AGAIN))}
    desk.type("/quit\n")
    assert desk.ended() == 0
    return {"screen": screen}


def parts(screen: str) -> dict[str, str]:
    """The notices, the lines with a mark, the provenance, the last two before the next question."""
    plain = STYLE.sub("", screen.replace("\r", ""))
    lines = [line for line in plain.split("\n") if line.strip(" >")]
    notices = [line for line in lines if line.startswith("[notice] ")]
    warnings = [line for line in lines if line.startswith("[warning] ")]
    return {
        "notice": "\n".join(notices),
        "warning": "\n".join(warnings),
        "origin": "\n".join(line for line in lines if line.startswith("(")),
        "last": "\n".join(lines[-2:]),
    }
