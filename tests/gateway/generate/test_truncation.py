"""Prompts are fitted by the engine's counts; cut only if allowed, never to nothing."""

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.engine.watch import ServedModel
from gateway.errors import EngineGarbled, InputTooLong
from gateway.generate import truncation
from gateway.generate.prompt import Prompt
from gateway.runtime.heavy_work import HeavyWork
from tests.gateway.peer import Line, Play, meeting

HEAVY = HeavyWork()
TEMPLATE = 5
MODEL = ServedModel("m", counts_tokens=True, template_tokens=TEMPLATE)


def response(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)


class Tokenizer:
    """One token per word; a cut text has `seam` more, this many times."""

    def __init__(self, seam: int = 0, times: int = 0) -> None:
        self.seam = seam
        self.times = times
        self.asked: list[str] = []

    async def play(self, line: Line) -> None:
        while True:
            head, body = (await line.request()).split(b"\r\n\r\n", 1)
            path = head.split(b" ")[1].decode()
            self.asked.append(path)
            line.say(response(json.dumps(self.answer(path, json.loads(body))).encode()))

    def answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if path == "/detokenize":
            more = self.seam if self.times > 0 else 0
            self.times -= 1
            return {"prompt": " ".join(["seam"] * more + [f"w{n}" for n in body["tokens"]])}
        if "prompt" in body:
            words = body["prompt"].split()
            return {"count": len(words), "tokens": list(range(len(words)))}
        words = [word for turn in body["messages"] for word in turn["content"].split()]
        return {"count": len(words) + TEMPLATE}


def ask(words: int, **more: Any) -> Prompt:
    return Prompt(" ".join(f"w{n}" for n in range(words)), 8, **more)


async def fit(
    question: Prompt,
    *,
    limit: int,
    cut: truncation.Side = "none",
    play: Play,
    model: ServedModel = MODEL,
) -> Prompt:
    async with meeting(play) as (client, _):
        tokenizer = truncation.EngineTokenizer(model, client, HEAVY)
        return await truncation.fit(question, tokenizer, limit=limit, cut=cut)


async def test_only_a_long_question_is_counted() -> None:
    """A token has at least one byte, so a short prompt certainly fits; a long one is counted with
    the template, and exactly at the limit it fits."""
    tokenizer = Tokenizer()
    question = ask(3)
    assert await fit(question, limit=100, play=tokenizer.play) is question
    assert tokenizer.asked == []
    assert await fit(ask(95), limit=100, play=tokenizer.play) == ask(95)
    assert tokenizer.asked == ["/tokenize"]


async def test_too_long_is_refused_with_counts() -> None:
    """The error never quotes the prompt."""
    with pytest.raises(InputTooLong) as found:
        await fit(ask(96), limit=100, play=Tokenizer().play)
    assert "101 tokens" in found.value.message
    assert "100 fit" in found.value.message
    assert "w1" not in found.value.message
    assert found.value.param == "prompt"


@pytest.mark.parametrize(("side", "kept"), [("left", range(20, 115)), ("right", range(95))])
async def test_cut_when_told_to(side: truncation.Side, kept: range) -> None:
    """At the configured side, by the necessary amount, with a mark."""
    cut = await fit(ask(115), limit=100, cut=side, play=Tokenizer().play)
    assert cut.text == " ".join(f"w{n}" for n in kept)
    assert cut.was_cut


async def test_tokens_at_the_seam_are_cut_again() -> None:
    """A cut text is counted again; after four cuts the prompt is refused."""
    cut = await fit(ask(115), limit=100, cut="left", play=Tokenizer(2, 3).play)
    assert len(cut.text.split()) <= 95
    tokenizer = Tokenizer(2, 99)
    with pytest.raises(InputTooLong):
        await fit(ask(115), limit=100, cut="left", play=tokenizer.play)
    assert tokenizer.asked.count("/detokenize") == truncation.CUTS


async def test_nothing_left_is_not_asked() -> None:
    """If the rest of the input fills the limit, no empty prompt is sent."""
    question = ask(40, system=" ".join(["s"] * 95))
    with pytest.raises(InputTooLong):
        await fit(question, limit=100, cut="right", play=Tokenizer().play)


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"x", b'{"count": "many"}', b'{"count": null, "tokens": 1}']
)
async def test_an_unreadable_count_is_garbled(body: bytes) -> None:
    """An invalid count raises EngineGarbled, never another exception."""

    async def play(line: Line) -> None:
        while True:
            await line.request()
            line.say(response(body))

    with pytest.raises(EngineGarbled):
        await fit(ask(200), limit=100, cut="left", play=play)


@pytest.mark.parametrize(
    ("context", "reasons", "limit"),
    [(None, False, 50), (100, False, 50), (40, False, 32), (60, True, 16), (5, True, 1)],
)
def test_the_limit_leaves_room_for_the_answer(
    context: int | None, reasons: bool, limit: int
) -> None:
    """The setting, or the context without both budgets and the reasoning markers."""
    model = replace(MODEL, max_model_len=context, reasons=reasons)
    assert truncation.limit_for(ask(1), model, max_input=50, reasoning_budget=20) == limit
