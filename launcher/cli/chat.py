"""`mmhie chat`: a conversation with the model in the terminal, or one question from a pipe."""

import contextlib
import importlib
import io
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command import AsJson
from gateway.settings.gateway import GatewaySettings
from launcher.errors import LauncherError, SettingsError
from launcher.terminal.address import Key, Url, open_client
from launcher.terminal.api_client import ServiceError
from launcher.terminal.conversation import ChatReply, Conversation
from launcher.terminal.terminal import BOLD_RED, DIM, YELLOW, TextOutput

SYSTEM: str = GatewaySettings.model_fields["system_prompt"].default
LEAVING = "Ctrl-D or /quit leaves."
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
    as_json: AsJson = False,
) -> None:
    """Chat with the model; Ctrl-C stops an answer. From a pipe: one question, one answer.

    Terminal commands: /new, /save, /help, /quit. A stopped answer is not part of the conversation.
    """
    if effort not in (None, "low", "medium", "high"):
        raise SettingsError("--effort must be low, medium or high.")
    with closing(open_client(url, key)) as service:
        talk = Conversation(service, system.strip(), effort, max_tokens, reasoning)
        if question is not None or not sys.stdin.isatty():
            ask_once(talk, question or read_pipe(), as_json=as_json)
        elif as_json:
            raise SettingsError("--json needs a question: as an argument, or on standard input.")
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


def ask_once(talk: Conversation, question: str, *, as_json: bool) -> None:
    """Ask one question. Raises ServiceError."""
    refuse_bytes(question, talk.system)
    if not question.strip():
        raise SettingsError("There is no question: give it as an argument or on standard input.")
    if as_json:
        reply = ask_quietly(talk, question)
        shown = asdict(reply) | ({} if talk.shows_reasoning else {"reasoning": None})
        sys.stdout.write(json.dumps(shown, ensure_ascii=False) + "\n")
    else:
        reply = talk.ask(question, TextOutput(sys.stdout))
    if reply.stopped:
        raise typer.Exit(130)


def ask_quietly(talk: Conversation, question: str) -> ChatReply:
    """Ask, and show only an error, as JSON with its notices. Raises ServiceError."""
    try:
        return talk.ask(question, TextOutput(io.StringIO()))
    except ServiceError as error:
        document = {"error": str(error), "mmhie": {"notices": list(error.notices)}}
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
        raise


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
                self.say(f"\n{LEAVING}", DIM)
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
        """Ask a question, or run a command that begins with a slash. Raises LauncherError."""
        if line.startswith("/"):
            name, _, argument = line.partition(" ")
            self.command(name, argument.strip())
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
        self.say(f"/help lists what else can be typed; Ctrl-C stops an answer, {LEAVING}", DIM)

    def command(self, name: str, argument: str) -> None:
        """Run a command that begins with a slash."""
        if name in COMMANDS:
            COMMANDS[name][0](self, argument)
        else:
            self.say(f"There is no command {name}; /help lists the commands.", BOLD_RED)

    def say(self, sentence: str, style: str = "") -> None:
        self.output.write(sentence, style)

    def help(self, _: str) -> None:
        for name, (_run, meaning) in COMMANDS.items():
            self.say(f"{name:<11} {meaning}")

    def new(self, _: str) -> None:
        self.talk.forget()
        self.say("Conversation cleared.", DIM)

    def save(self, text: str) -> None:
        """Write the conversation to a file that is not there yet. Raises SettingsError."""
        file = Path(text or "conversation.md").expanduser()
        if not self.talk.exchanges:
            raise SettingsError("There is nothing to save yet.")
        try:
            with file.open("x", encoding="utf-8") as opened:
                file.chmod(0o600)  # it is about a patient, perhaps
                opened.write(self.talk.transcript())
        except FileExistsError:
            raise SettingsError(f"{file} exists already; name another file.") from None
        except OSError as error:
            raise SettingsError(f"{file} cannot be written ({error.strerror}).") from None
        self.say(f"Saved to {file}, readable by you alone.", DIM)

    def quit(self, _: str) -> None:
        raise EOFError


COMMANDS: Mapping[str, tuple[Callable[[Session, str], None], str]] = {
    "/new": (Session.new, "start a new conversation"),
    "/save": (Session.save, "FILE keeps the conversation, each answer with its labels"),
    "/help": (Session.help, "this list"),
    "/quit": (Session.quit, "leave"),
}
