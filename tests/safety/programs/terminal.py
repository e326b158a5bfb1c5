"""`mmhie chat` at a real terminal, as wide as any sentence."""

import os
import re
import signal
from pathlib import Path
from typing import Any

from tests.launcher.cli.desk import Desk

ASKED_AGAIN = "\r\n\r\n> "
PANEL = re.compile(r"╭─ Notice.*?╰", re.DOTALL)


def ask(
    folder: Path, url: str, key: str, prompt: str, *, leaves: bool, options: tuple[str, ...]
) -> dict[str, Any]:
    """The person's view: the parts of the `screen`, and what /save `saved`."""
    environ = {"MMHIE_URL": url, "MMHIE_API_KEY": key, "COLUMNS": "1000"}
    desk = Desk(folder, "chat", *options, **environ)
    greeting = desk.until("> ")
    desk.type(f"{prompt}\n")
    if leaves:
        desk.until("Rest.")
        os.kill(desk.pid, signal.SIGINT)
    screen = {"greeting": greeting, **parts(desk.until(ASKED_AGAIN))}
    desk.type("/save\n")
    desk.until(ASKED_AGAIN)
    desk.type("/quit\n")
    assert desk.ended() == 0
    file = folder / "conversation.md"
    return {"screen": screen, "saved": file.read_text() if file.exists() else ""}


def parts(screen: str) -> dict[str, str]:
    """The frame of a notice, the lines with a mark, the last two before the next question."""
    lines = [line for line in screen.replace("\r", "").split("\n") if line.strip(" >")]
    warnings = [line for line in lines if line.startswith("! ")]
    framed = PANEL.search(screen)
    return {
        "notice": framed[0] if framed else "",
        "warning": "\n".join(warnings),
        "last": "\n".join(lines[-2:]),
    }
