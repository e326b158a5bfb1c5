"""The clients that are tried, and what each is expected to make of an answer."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tests.clients import node

HERE = Path(__file__).parent
DRIVERS, LOCKS = HERE / "drivers", HERE / "locks"

SPEAKING: Final = (
    "chat",
    "stream",
    "helper",
    "tools",
    "tools streamed",
    "structured output",
    "responses",
)
RAISING: Final = ("not found", "bad request", "failing", "broken stream")
CASES: Final = (*SPEAKING, *RAISING, "cancel")


def raised(package: str, *classes: str) -> Mapping[str, str]:
    kinds = (f"{package}.{name}" for name in classes)
    return MappingProxyType(dict(zip(RAISING, kinds, strict=True)))


OPENAI = raised("openai", "NotFoundError", "BadRequestError", "InternalServerError", "APIError")
AI = raised("ai", *["AI_APICallError"] * 3, "AI_StreamProviderError")


@dataclass(frozen=True, eq=False)
class Client:
    """One client: its driver, its errors, what it shows of the extra key."""

    name: str
    driver: str
    errors: Mapping[str, str]
    shows: str = "readable"
    lacks: tuple[str, ...] = ()
    keeps_the_last: tuple[str, ...] = ()  # where of the two labels of a stream the second is left

    @property
    def cases(self) -> tuple[str, ...]:
        return tuple(case for case in CASES if case not in self.lacks)

    @property
    def title(self) -> str:
        """Its name in the ids of the tests."""
        return self.name

    def command(self) -> list[str]:
        """Return the command that starts its driver; install the client where it is missing."""
        program = str(DRIVERS / self.driver)
        if self.driver.endswith(".mjs"):
            node.install()
            return ["node", program]
        return [sys.executable, program]

    def is_here(self) -> bool:
        """Return whether the machine has what the client runs on."""
        return not self.driver.endswith(".mjs") or node.is_here()


CLIENTS: Final = (
    Client("openai (Python)", "openai_python.py", OPENAI),
    Client("openai (npm)", "openai_npm.mjs", OPENAI, keeps_the_last=("helper",)),
    Client(
        "ai (npm)",
        "ai_sdk.mjs",
        AI,
        shows="dropped; headers readable",
        lacks=("helper", "tools streamed", "responses"),
    ),
)
