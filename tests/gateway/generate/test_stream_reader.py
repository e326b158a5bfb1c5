"""The engine's events become one answer: budgets, truncations, errors."""

from collections.abc import Iterable
from typing import Any

import pytest

from gateway.generate.stream_reader import AnswerReader
from gateway.http import sse
from gateway.limits.memory_budget import parsed_bytes
from gateway.proxy.output_policy import ChoiceState
from gateway.runtime.heavy_work import HeavyWork
from gateway.safety.labels import new_digest

HEAVY = HeavyWork()


class Scripted:
    """An engine's response with these parts."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)

    async def read(self) -> bytes:
        return next(self._parts, b"")

    def mark_progress(self) -> None:
        """Do nothing: there is no timeout."""

    def expect_end(self) -> None:
        """Do nothing: there is no connection."""


def piece(delta: dict[str, Any], finish: str | None = None, spent: int | None = None) -> bytes:
    usage = {} if spent is None else {"usage": {"completion_tokens": spent}}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return sse.encode({"choices": [choice], "system_fingerprint": "fp", **usage})


def text(content: str, finish: str | None = None, spent: int | None = None) -> bytes:
    return piece({"content": content}, finish, spent)


async def read(
    parts: Iterable[bytes], budget: int = 100, **more: Any
) -> tuple[AnswerReader, list[tuple[str, str]], list[str]]:
    """Return the reader, the pieces of the answer and its warnings."""
    state = ChoiceState(new_digest(b"k"))
    reader = AnswerReader(Scripted(parts), state=state, answer_budget=budget, heavy=HEAVY, **more)  # type: ignore[arg-type] # a fake
    deltas = [(delta.text, delta.reasoning) async for delta in reader.deltas()]
    reader.conclude()
    return reader, deltas, reader.finals[0]["warnings"]


STREAM = [text("chest "), text("pain", spent=2), text("", "stop", 3), sse.DONE]


async def test_a_large_event_needs_room() -> None:
    """Its memory is reserved before it is parsed; small events need none."""
    required: list[int] = []
    large = text("a" * 300_000)
    _, deltas, _ = await read([STREAM[0], large, *STREAM[2:]], require=required.append)
    assert len(deltas) == 2
    assert required == [parsed_bytes(sse.payload(large))]


async def test_the_answer_has_a_budget_of_its_own() -> None:
    """Reasoning does not count; at its limit the answer ends as a truncated one."""
    parts = [piece({"reasoning": "h"}, spent=n) for n in (1, 2, 3)]
    parts += [text(f"{n} ", spent=n) for n in (4, 5, 6, 7)]
    reader, deltas, _ = await read(parts, budget=2)
    assert "".join(text for text, _ in deltas) == "4 5 "
    assert reader.finish_reason == "length"


@pytest.mark.parametrize(
    ("thought", "budget", "warnings"),
    [(5, 5, ["reasoning_cut"]), (4, 5, []), (5, None, []), (0, 0, []), ("5", 5, [])],
)
async def test_reasoning_that_its_budget_ended_is_named(
    thought: Any, budget: int | None, warnings: list[str]
) -> None:
    """If the engine enforces the budget, a warning names the cut; the answer stays."""
    usage = {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": thought}}
    parts = [piece({"reasoning": "h"}), text("a", "stop"), sse.encode({"usage": usage}), sse.DONE]
    _, _, named = await read(parts, reasoning_budget=budget)
    assert named == warnings


@pytest.mark.parametrize(
    ("spent", "finish", "warnings"),
    [(4, "length", ["answer_shortened"]), (4, "stop", []), (5, None, [])],
)
async def test_an_answer_that_reasoning_left_too_little_for_is_named(
    spent: int, finish: str | None, warnings: list[str]
) -> None:
    """If the engine ends the answer before its own budget, a warning says so."""
    parts = [piece({"reasoning": "h"}, spent=3), text("a", spent=4), text("b", finish, spent)]
    _, _, named = await read([*parts, sse.DONE], budget=2)
    assert named == warnings
