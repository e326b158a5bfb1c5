"""A Dockerfile as its stages and instructions."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FILES = {name: ROOT / "docker" / f"{name}.Dockerfile" for name in ("gateway", "llm")}


@dataclass
class Stage:
    """One FROM with what follows it; instructions as (word, rest)."""

    base: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, word: str) -> list[str]:
        return [rest for instruction, rest in self.instructions if instruction == word]


def instructions(text: str) -> list[tuple[str, str]]:
    """Words and rests, without comments, continuation lines joined."""
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n", " ", code)
    pairs = (line.split(None, 1) for line in joined.splitlines() if line.strip())
    return [(word, re.sub(r"\s+", " ", rest)) for word, rest in pairs]


def stages(name: str) -> dict[str, Stage]:
    """By name, in order; the last one is what a plain build makes."""
    stages: dict[str, Stage] = {}
    current: Stage | None = None
    for word, rest in instructions(FILES[name].read_text()):
        if word == "FROM":
            base, _, alias = rest.partition(" AS ")
            current = stages[alias or "last"] = Stage(base, alias or "last")
        elif current:
            current.instructions.append((word, rest))
    return stages


def history(name: str, target: str) -> list[Stage]:
    """The target and the stages it is made from, the oldest first."""
    every = stages(name)
    line = [every[target]]
    while line[0].base in every:
        line.insert(0, every[line[0].base])
    return line


def last_of(name: str, target: str, word: str) -> str:
    """Return the last value of an instruction on the way to this target."""
    return [rest for stage in history(name, target) for rest in stage.all(word)][-1]


def exec_form(rest: str) -> list[str]:
    """The words of a JSON-form ENTRYPOINT or CMD; ValueError for the shell form."""
    words: list[str] = json.loads(rest)
    return words
