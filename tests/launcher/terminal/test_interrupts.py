"""Ctrl-C at every write to the terminal: the answer ends there, and what is drawn stays whole."""

import io
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import pytest
from rich.console import Console

from launcher.terminal.api_client import ApiClient, ChatDelta
from launcher.terminal.conversation import STOPPED, ChatReply, Conversation, defer_interrupt
from launcher.terminal.terminal import TerminalOutput

DELTAS = tuple(ChatDelta(text=text) for text in ("Rest", " and", " fluids.\n\n", "- sleep", "\n"))


class Screen(io.StringIO):
    """A terminal at which Ctrl-C is pressed during one write."""

    def __init__(self, press_at: int) -> None:
        super().__init__()
        self.writes, self._press_at = 0, press_at

    def write(self, text: str) -> int:
        self.writes += 1
        if self.writes == self._press_at:
            os.kill(os.getpid(), signal.SIGINT)
        return super().write(text)


class Service:
    """A service whose answer is always the same."""

    @contextmanager
    def answer(self, _question: object, _request_id: str) -> Iterator[Iterator[ChatDelta]]:
        yield iter(DELTAS)


def ask(press_at: int) -> tuple[Screen, ChatReply]:
    """Ask one question on a terminal of its own."""
    screen = Screen(press_at)
    console = Console(file=screen, force_terminal=True, width=80)
    return screen, Conversation(cast(ApiClient, Service())).ask("Why?", TerminalOutput(console))


WRITES = ask(0)[0].writes
CLOSING = 2  # the last block, and the cursor: nothing is left to stop


def test_ctrl_c_while_it_is_drawn() -> None:
    """At every write: the answer is stopped, says so, and the cursor is back."""
    for write in range(1, WRITES - CLOSING + 1):
        screen, reply = ask(write)

        assert reply.stopped, write
        assert STOPPED in screen.getvalue(), write
        assert screen.getvalue().rfind("\x1b[?25h") > screen.getvalue().rfind("\x1b[?25l"), write


def test_ctrl_c_comes_after_the_block() -> None:
    """A Ctrl-C within the block is raised after it."""
    drawn = []

    def draw() -> None:
        with defer_interrupt():
            os.kill(os.getpid(), signal.SIGINT)
            drawn.append("whole")

    with pytest.raises(KeyboardInterrupt):
        draw()
    assert drawn == ["whole"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
