"""A prompt that a text completion repeats (`echo`) is not passed off as the model's text."""

import json
import sys
from typing import Any

import pytest

from gateway.errors import EngineGarbled
from gateway.proxy.output_policy import ChoiceState, OutputPolicy
from gateway.safety.labels import keyed_digest, new_digest
from tests.fake_engine.process import FakeEngine
from tests.gateway.served import post, served, until_ready

KEY = "a key of the digests, 32 characters"
PROMPT = "Take four tablets a day. "


def digest(text: str) -> str:
    return keyed_digest(KEY.encode(), text)


def label_of(answer: bytes, *, stream: bool) -> tuple[Any, str]:
    """Return the last label of an answer and its text."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), answer
    if not stream:
        whole = json.loads(body)
        return whole["mmhie"], whole["choices"][0]["text"]
    events = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: {")]
    chunks = [json.loads(event) for event in events]
    texts = [choice["text"] for chunk in chunks for choice in chunk["choices"]]
    labels = [chunk["mmhie"] for chunk in chunks if "mmhie" in chunk]
    return {**labels[0], **labels[-1]}, "".join(texts)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("max_tokens", [0, "0", 6])
async def test_an_echoed_prompt_is_outside_the_digest(
    engine: FakeEngine, stream: bool, max_tokens: str | int
) -> None:
    """The label warns; without a generated token neither it nor the headers say AI-generated."""
    request = {"prompt": PROMPT, "echo": True, "max_tokens": max_tokens, "stream": stream}
    async with served(engine.url, digest_key=KEY) as (port, _):
        await until_ready(port)
        answer = await post(port, request, "/v1/completions")
    label, text = label_of(answer, stream=stream)

    assert text.startswith(PROMPT)
    assert label["provenance"]["output_digest"] == digest(text.removeprefix(PROMPT))
    assert "prompt_echoed" in label["warnings"]
    assert label["ai_generated"] is (max_tokens == 6)
    assert (b"x-mmhie-ai-generated" in answer) is (max_tokens == 6)


PIECES = [
    (len(PROMPT), ["Take", " four tablets a day. Rest", " well"], "Rest well"),
    (sys.maxsize, ["Decoded token ids", " and an answer"], ""),  # no part is surely the model's
]


@pytest.mark.parametrize(("length", "pieces", "generated"), PIECES)
def test_only_text_behind_the_prompt_is_the_models(
    length: int, pieces: list[str], generated: str
) -> None:
    """Wherever the engine cuts its text; every piece passes unchanged."""
    state = ChoiceState.at(0, new_digest(KEY.encode()), OutputPolicy(echoed=(length,)))
    for piece in pieces:
        choice = {"text": piece}
        assert state.pass_on(choice) is choice
    final = state.final("stop", fingerprint=None)

    assert final["provenance"]["output_digest"] == digest(generated)


def test_text_that_nobody_asked_for_ends_the_answer() -> None:
    """An engine that generates with `max_tokens: 0` would have it labelled as the caller's."""
    policy = OutputPolicy(echoed=(len(PROMPT),), generates=False)
    state = ChoiceState.at(0, new_digest(b"k"), policy)
    with pytest.raises(EngineGarbled):
        state.pass_on({"text": PROMPT + "More"})


def test_a_marker_in_the_prompt_stays() -> None:
    """Only the model's text is searched for leaked markers."""
    state = ChoiceState.at(0, new_digest(b"k"), OutputPolicy(echoed=(len("<|end|>"),)))
    assert state.pass_on({"text": "<|end|>a<|end|>", "finish_reason": "stop"})["text"] == "<|end|>a"
