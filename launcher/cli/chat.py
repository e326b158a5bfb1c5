"""`mmhie chat`: a conversation with the model in the terminal, or one question from a pipe."""

import contextlib
import importlib
import sys
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated

import typer

from gateway.settings.gateway import GatewaySettings
from launcher.errors import LauncherError, SettingsError
from launcher.terminal.address import Key, Url, open_client
from launcher.terminal.conversation import Conversation
from launcher.terminal.terminal import BOLD_RED, DIM, YELLOW, TextOutput

SYSTEM: str = GatewaySettings.model_fields["system_prompt"].default
HELP = "/new begins a new conversation, Ctrl-C stops an answer, Ctrl-D or /quit leaves."
PROMPT = "\n\001\033[1m\002>\001\033[0m\002 "  # bold, which takes no room on the line

Question = Annotated[str | None, typer.Argument(help="One question; default: standard input.")]
System = Annotated[str, typer.Option(help="System message; empty for none.")]
Effort = Annotated[str | None, typer.Option(help="Reasoning effort: low, medium or high.")]
MostTokens = Annotated[
    int | None,
    typer.Option(min=1, help="Maximum tokens, reasoning included; default: the engine's."),
]
Reasoning = Annotated[bool, typer.Option("--reasoning", help="Show the model's reasoning.")]


def chat(  # noqa: PLR0913, PLR0917 - one parameter for each option
    question: Question = None,
    url: Url = None,
    key: Key = None,
    system: System = SYSTEM,
    effort: Effort = None,
    max_tokens: MostTokens = None,
    reasoning: Reasoning = False,
) -> None:
    """Chat with the model; Ctrl-C stops an answer. From a pipe: one question, one answer.

    A stopped answer is not part of the conversation.
    """
    if effort not in (None, "low", "medium", "high"):
        raise SettingsError("--effort must be low, medium or high.")
    with closing(open_client(url, key)) as service:
        given = {"max_tokens": max_tokens, "reasoning_effort": effort}
        options = {name: value for name, value in given.items() if value is not None}
        talk = Conversation(service, system.strip(), options, reasoning)
        if question is not None or not sys.stdin.isatty():
            ask_once(talk, question or read_pipe())
        else:
            Session(talk, TextOutput(sys.stdout)).run()


def read_pipe() -> str:
    """Read the question from standard input. Raises SettingsError if it is not UTF-8."""
    try:
        return sys.stdin.read()
    except UnicodeDecodeError:
        raise SettingsError("Standard input is not text in UTF-8.") from None


def refuse_bytes(*texts: str) -> None:
    """Raise SettingsError for bytes that are not UTF-8, which Python accepts without a locale."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        raise SettingsError("The question is not text in UTF-8.") from None


def ask_once(talk: Conversation, question: str) -> None:
    """Ask one question. Raises ServiceError."""
    refuse_bytes(question, talk.system)
    if not question.strip():
        raise SettingsError("There is no question: give it as an argument or on standard input.")
    if talk.ask(question, TextOutput(sys.stdout)).stopped:
        raise typer.Exit(130)


def edit_lines() -> None:
    """Let `input` recall lines with the arrow keys, and take a paste of several lines as one."""
    with contextlib.suppress(ImportError):  # not every Python is built with it
        importlib.import_module("readline").parse_and_bind("set enable-bracketed-paste on")


@dataclass(slots=True)
class Session:
    """A conversation at a terminal."""

    talk: Conversation
    output: TextOutput

    def run(self) -> None:
        """Read and answer until the person leaves; a failed answer does not end the session."""
        self.greet()
        edit_lines()
        while True:
            try:
                while True:  # a loop of its own: Ctrl-C between two turns is inside the try, too
                    self.turn()
            except KeyboardInterrupt:
                self.say(f"\n{HELP}", DIM)
            except EOFError:
                return

    def turn(self) -> None:
        """Read a line and act on it. Raises EOFError when the person leaves."""
        try:
            self.answer(input(PROMPT).strip())
        except UnicodeDecodeError:
            self.say("The line is not text in UTF-8.", BOLD_RED)
        except LauncherError as error:
            self.say(str(error), BOLD_RED)

    def answer(self, line: str) -> None:
        """Ask a question, or run a command. Raises LauncherError, or EOFError to leave."""
        if line == "/quit":
            raise EOFError
        if line == "/new":
            self.talk.turns.clear()
            self.say("Conversation cleared.", DIM)
        elif line.startswith("/"):
            self.say(f"There is no command {line}. {HELP}", BOLD_RED)
        elif line:
            refuse_bytes(line)
            self.talk.ask(line, self.output)

    def greet(self) -> None:
        """Show the model and the notice. Raises ServiceError when the service is not there."""
        health = self.talk.service.get("/healthz")
        name = (health.get("served") or {}).get("display_name") or health.get("model")
        self.say(f"{name or 'The model'} at {self.talk.service.url}")
        if health.get("phase") != "ready":
            self.say(health.get("detail") or f"It is {health.get('phase')}.", YELLOW)
        self.say("Not clinical advice: a licensed clinician reviews what it says.", YELLOW)
        self.say(HELP, DIM)

    def say(self, sentence: str, style: str = "") -> None:
        self.output.write(sentence, style)
