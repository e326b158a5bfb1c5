"""Options of the fake engine's command line."""

import argparse
import json
from dataclasses import dataclass

from tests.fake_engine.faults import Entry, entry_of


@dataclass(slots=True)
class Options:
    """Behaviour of one engine; `/_fake/options` may change any field while it runs."""

    host: str = "127.0.0.1"
    port: int = 0
    uds: str | None = None
    model: str = "fake-model"
    answers_as: str | None = None
    version: str = "0.32.0"
    max_model_len: int = 8192
    api_key: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    seed: int = 0
    length: int = 24
    first_token_delay: float = 0.0
    token_delay: float = 0.0
    start_delay: float = 0.0
    keep_alive: float = 5.0
    unhealthy: bool = False
    ignores_aborts: bool = False
    chat_template: bool = True
    reasoning: bool = False
    usage: bool = True
    choice: str = ""
    crash_after: int = 0
    created: int = 0
    faults: tuple[Entry, ...] = ()


HELP = {
    "host": "address to listen on",
    "port": "port to listen on; 0 takes a free one and prints it",
    "uds": "Unix socket to listen on instead",
    "model": "served model name",
    "answers-as": "the model that answers name, instead of the served one",
    "version": "what /version says",
    "max-model-len": "context, in tokens (words)",
    "api-key": "bearer key /v1 asks for",
    "ssl-certfile": "certificate; serves HTTPS on the port",
    "ssl-keyfile": "its key",
    "seed": "changes every answer",
    "length": "tokens of an answer that ends by itself",
    "first-token-delay": "seconds before the first token",
    "token-delay": "seconds between tokens",
    "start-delay": "seconds during which connections are refused",
    "keep-alive": "seconds after which an idle connection is closed",
    "choice": "what it answers where its words are constrained to a choice, which no fault meets "
    "then; `wait`: nothing, until this is changed; default: the first",
    "created": "unix seconds every answer claims; 0: the clock's",
    "crash-after": "exit without a word at this generation request; 0: never",
}


def parser() -> argparse.ArgumentParser:
    """The command line: one option per field of Options."""
    known = argparse.ArgumentParser(prog="python -m tests.fake_engine")
    for name, text in HELP.items():
        default = getattr(Options(), name.replace("-", "_"))
        kind = str if default is None else type(default)
        known.add_argument(f"--{name}", type=kind, default=default, help=text)
    known.add_argument("--unhealthy", action="store_true", help="/health answers 503")
    known.add_argument("--ignores-aborts", action="store_true", help="work on for nobody")
    known.add_argument("--no-chat-template", dest="chat_template", action="store_false")
    known.add_argument("--no-usage", dest="usage", action="store_false", help="counts no stream")
    known.add_argument("--reasoning", action="store_true", help="answers reason before they speak")
    known.add_argument("--fault", dest="faults", action="append", type=json.loads, default=[])
    return known


def parse(argv: list[str]) -> Options:
    """Options from a command line; a --fault given there holds for ever."""
    given = vars(parser().parse_args(argv))
    faults = tuple(entry_of({"times": -1} | fault) for fault in given.pop("faults"))
    return Options(**given, faults=faults)
