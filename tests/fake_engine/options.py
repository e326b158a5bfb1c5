"""Options of the fake engine's command line."""

import argparse
import json
from dataclasses import Field, dataclass, fields
from typing import Any

from tests.fake_engine.faults import Entry, entry_of
from tests.fake_engine.plan import SENTENCE


@dataclass(slots=True)
class Options:
    """Behaviour of one engine: each field is an option of the command line (`--no-...` where it is
    on by itself), and `/_fake/options` may change any while it runs."""

    port: int = 0  # takes a free one and prints it
    uds: str | None = None  # a Unix socket to listen on instead
    model: str = "fake-model"
    answers_as: str | None = None  # the model that answers name, instead of the served one
    max_model_len: int = 8192  # in words
    api_key: str | None = None  # the bearer key that /v1 asks for
    ssl_certfile: str | None = None  # serves HTTPS on the port
    ssl_keyfile: str | None = None
    length: int = 24  # of an answer that ends by itself
    vocabulary: str = SENTENCE  # whose words answers are made of
    first_token_delay: float = 0.0
    token_delay: float = 0.0
    start_delay: float = 0.0  # connections are refused meanwhile
    unhealthy: bool = False  # /health answers 503
    ignores_aborts: bool = False  # works on for nobody
    chat_template: bool = True
    reasoning: bool = False  # answers reason before they speak
    usage: bool = True  # streams are counted
    crash_after: int = 0  # exits without a word at this generation request
    created: int = 0  # what every answer claims, instead of the clock's
    faults: tuple[Entry, ...] = ()


def add(parser: argparse.ArgumentParser, field: Field[Any]) -> None:
    """One option."""
    flag = field.name.replace("_", "-")
    if field.name == "faults":
        parser.add_argument("--fault", dest="faults", action="append", type=json.loads, default=[])
    elif field.default is True:
        parser.add_argument(f"--no-{flag}", dest=field.name, action="store_false")
    elif field.default is False:
        parser.add_argument(f"--{flag}", action="store_true")
    else:
        kind = str if field.default is None else type(field.default)
        parser.add_argument(f"--{flag}", type=kind, default=field.default)


def parse(argv: list[str]) -> Options:
    """Options from a command line; a --fault given there holds for ever."""
    parser = argparse.ArgumentParser(prog="python -m tests.fake_engine")
    for field in fields(Options):
        add(parser, field)
    given = vars(parser.parse_args(argv))
    faults = tuple(entry_of({"times": -1} | fault) for fault in given.pop("faults"))
    return Options(**given, faults=faults)
