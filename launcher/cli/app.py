"""The `mmhie` command line: one table of commands, and the one place that renders an error."""

import os
import platform
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module, metadata
from tempfile import NamedTemporaryFile
from typing import Annotated, Any, Final, Protocol, cast, runtime_checkable

import typer
from typer.core import TyperCommand, TyperGroup

from gateway.settings import removed

# The parser's own complaint; typer carries its parser inside itself and exports only the leaf.
USAGE_ERROR: Final = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])
UNREAD, FAULT, INTERRUPTED = 1, 70, 130
Commands = Mapping[str, str]  # `module:function` by name

# Imported when named: no command waits for another's imports, and the gateway's operator commands
# need no import here. (Entry points would make `hold` depend on the metadata of an installation.)
COMMANDS: Commands = {
    "serve": "launcher.cli.serve:serve",
    "engine": "launcher.cli.engine:engine",
    "chat": "launcher.cli.chat:chat",
    "status": "launcher.cli.status:status",
    "plan": "launcher.cli.plan:plan",
    "doctor": "launcher.cli.doctor:doctor",
    "accept": "assurance.cli.accept:accept",
    "evaluate": "assurance.cli.evaluate:evaluate",
    "fetch": "launcher.cli.fetch:fetch",
    "hold": "gateway.cli.hold:hold",
    "release": "gateway.cli.hold:release",
    "keys new": "gateway.cli.keys:new",
    "keys list": "gateway.cli.keys:show",
    "keys revoke": "gateway.cli.keys:revoke",
    "audit verify": "gateway.cli.audit_verify:verify",
    "audit show": "gateway.cli.audit:show",
    "audit patient": "gateway.cli.audit:show_patient",
    "audit check": "gateway.cli.answer_check:check",
    "audit export": "gateway.cli.audit_export:export",
    "vault open": "gateway.cli.vault:show",
    "vault erase": "gateway.cli.vault:erase",
    "feedback list": "gateway.cli.feedback:show_all",
    "feedback show": "gateway.cli.feedback:show",
    "feedback export": "gateway.cli.feedback:export",
}
# What `mmhie` alone prints: every command and group in a line, by what a person wants to do.
TASKS = {
    "Use": {
        "serve": "Start and supervise the engine and the gateway",
        "chat": "Chat with the model, or pipe in one question",
        "status": "Phase, requests, tokens per second, KV cache",
    },
    "Prepare": {
        "plan": "What would run here, or on other hardware, and why",
        "doctor": "Check settings, weights, memory, disk and port",
        "fetch": "Download a model",
        "engine": "Run only the engine, for a gateway elsewhere",
    },
    "Prove": {
        "accept": "Check a running service over its address",
        "evaluate": "Medical quality and safety, by Inspect",
    },
    "Operate": {
        "hold": "Take the model out of service",
        "release": "Put it back into service",
        "keys": "Create, list and revoke API keys",
        "audit": "Verify, show and export the audit trail",
        "vault": "Open and erase answers in the answer vault",
        "feedback": "List, show, close and export feedback on answers",
    },
}
MEANINGS = {name: text for commands in TASKS.values() for name, text in commands.items()}
HELP = {"help_option_names": ["-h", "--help"]}


@runtime_checkable
class CommandFailure(Protocol):
    """An exception whose text is for the user; any other is a bug."""

    exit_code: int


def build_command_line(commands: Commands = COMMANDS) -> typer.Typer:
    app = build_group("mmhie", commands, add_completion=True)
    app.callback()(about)
    return app


def show_version(wanted: bool) -> None:
    """Print the versions of this program, Python and the engine, if `--version` was given."""
    if wanted:
        from launcher.planning import installation  # imported here as no command waits for it

        installed = installation.detect()
        engine = f"{installed.engine} {installed.version}" if installed.engine else "no engine"
        own, python = metadata.version("mmhie-server"), platform.python_version()
        sys.stdout.write(f"mmhie {own}, Python {python}, {engine}\n")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", is_eager=True, callback=show_version, help="Show the versions and exit."
    ),
]


def about(version: Version = False) -> None:
    """A vLLM launcher and a gateway for a medical reasoning model."""
    del version  # the callback has shown it


def build_group(name: str, commands: Commands, *, add_completion: bool = False) -> typer.Typer:
    """Build a group whose commands are imported when they are used."""

    class LazyGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            names: Any = dict.fromkeys(self.list_commands(None))
            self.commands = names  # for "Did you mean"

        def format_help(self, ctx: Any, formatter: Any) -> None:  # typer's own, inside it
            if commands is COMMANDS:
                formatter.write(render_overview())
            else:
                super().format_help(ctx, formatter)

        def list_commands(self, ctx: object) -> list[str]:
            return list(dict.fromkeys(words.split()[0] for words in commands))

        def get_command(self, ctx: object, cmd_name: str) -> TyperCommand | TyperGroup | None:
            members = {
                words.removeprefix(f"{cmd_name} "): command
                for words, command in commands.items()
                if words.startswith(f"{cmd_name} ")
            }
            if members:
                return typer.main.get_group(build_group(cmd_name, members))
            return build_command(cmd_name, commands[cmd_name]) if cmd_name in commands else None

    return typer.Typer(
        name=name,
        cls=LazyGroup,
        help=MEANINGS.get(name),
        no_args_is_help=True,
        add_completion=add_completion,
        context_settings=HELP,
        pretty_exceptions_enable=False,  # it prints local variables, keys among them
    )


def render_overview() -> str:
    """Return the help of `mmhie` alone, which fits a terminal of 24 lines."""
    rows = [
        f"{'' if name != next(iter(commands)) else task:9}{name:15}{meaning}"
        for task, commands in TASKS.items()
        for name, meaning in commands.items()
    ]
    first = "Usage: mmhie COMMAND [OPTIONS] | COMMAND -h | --version | --install-completion"
    return "\n".join([first, *rows, ""])


def build_command(name: str, command: str) -> TyperCommand:
    """Build one command from `module:function`."""
    app = typer.Typer(add_completion=False, context_settings=HELP, pretty_exceptions_enable=False)
    app.command(name)(load(command))
    return cast("TyperCommand", typer.main.get_command(app))


def load(command: str) -> Callable[..., None]:
    module, _, function = command.partition(":")
    return cast("Callable[..., None]", getattr(import_module(module), function))


def run(app: typer.Typer, arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its exit code; docs/cli.md lists them."""
    sys.exit(exit_code(app, arguments))


def exit_code(app: typer.Typer, arguments: Sequence[str] | None) -> int:
    """Run a command, report a failure in a sentence on standard error, return the exit code."""
    try:
        refuse_removed(sys.argv[1:] if arguments is None else arguments)
        ended = app(arguments, prog_name="mmhie", standalone_mode=False)
        sys.stdout.flush()
        return ended if isinstance(ended, int) else 0
    except USAGE_ERROR as error:
        return report(describe_usage_error(error), 2)
    except typer.Abort:
        return INTERRUPTED
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except Exception as error:  # the outermost: a person gets a sentence, never a traceback
        if isinstance(error, CommandFailure):
            return report(str(error), error.exit_code)
        return report(describe_fault(traceback.format_exc()), FAULT)


def refuse_removed(
    arguments: Sequence[str], commands: Mapping[str, str] = removed.COMMANDS
) -> None:
    """Raise a usage error for a command or an option of an earlier version."""
    for words, instead in commands.items():
        if uses(arguments, words.split()):
            raise USAGE_ERROR(f"`mmhie {words}` was removed. {instead}")


def uses(arguments: Sequence[str], words: Sequence[str]) -> bool:
    """Return whether a command line begins with a command and has its options, if any."""
    command = [word for word in words if not word.startswith("-")]
    given = {*command, *(argument.partition("=")[0] for argument in arguments)}
    return list(arguments[: len(command)]) == command and given.issuperset(words)


def report(sentence: str, code: int) -> int:
    """Write a sentence to standard error and return the exit code."""
    sys.stderr.write(f"{sentence}\n" if sentence else "")
    return code


def describe_usage_error(error: typer.BadParameter) -> str:
    """Return what is wrong with the command line, and the help to read."""
    message = error.format_message()
    if error.ctx is None or "\n" in message or not message:  # the help, where no command was given
        return message
    if hasattr(error, "possibilities"):  # of an unknown option; typer does not export the class
        option = getattr(error, "option_name", "")
        message = f"{error.message}.{suggest_instead(error.ctx.command, option)}"
    start = f"{message} See" if message.endswith("?") else f"{message.rstrip('.')}; see"
    return f"{start} `{error.ctx.command_path} --help`."


def suggest_instead(command: Any, option: str) -> str:
    """Return a question that names the nearest option of a command, else the nearest setting."""
    from gateway.settings.base import MEANT  # imported here as no command waits for them
    from gateway.settings.gateway import known_names

    own = [name for parameter in command.params for name in parameter.opts]
    setting = f"MMHIE_{option.lstrip('-').replace('-', '_').upper()}"
    setting, known = MEANT.get(setting, setting), sorted(known_names())
    near = get_close_matches(option, own, 1, 0.7) or get_close_matches(setting, known, 1, 0.85)
    return f" Did you mean {near[0]!r}?" if near else ""


def describe_fault(trace: str) -> str:
    """Save the traceback of a bug to a private file, and return a sentence that names it."""
    with NamedTemporaryFile("w", prefix="mmhie-fault-", suffix=".txt", delete=False) as file:
        file.write(trace)
    name = trace.strip().splitlines()[-1].partition(":")[0]
    return f"This is a fault of mmhie ({name}), please report it; its details are in {file.name}."


def main() -> None:
    run(build_command_line())
