"""Log probabilities are skipped without parsing, and come out unchanged."""

import json
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy import json_response, light_answer
from gateway.proxy.light_answer import LEVELS, LightAnswer, find_end
from gateway.proxy.output_policy import OutputPolicy
from gateway.runtime.heavy_work import HEAVY_BYTES
from gateway.safety.placement import Surroundings
from tests.gateway.peer import chunk
from tests.gateway.proxy.relayed import Line
from tests.waiting import eventually

FIRST = {"disclaimer": {}, "provenance": {"request_id": "id-1"}}
TRICKY = 'says "logprobs":[1, "prompt_logprobs": {} and ]}]} \\'
TOKEN = {"token": TRICKY, "logprob": -0.5, "bytes": [226, 128]}
ITEM = {**TOKEN, "top_logprobs": [TOKEN] * 20}
MANY = 2 * HEAVY_BYTES // len(json.dumps(ITEM))
CHAT = {"content": [ITEM] * MANY}
PROMPT = [None, *[{"17": {"logprob": -1.0, "rank": 1, "decoded_token": TRICKY}}] * 20 * MANY]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def answer_with(text: str = TRICKY, **more: object) -> dict[str, Any]:
    """Return an answer with two choices."""
    choice = {"message": {"content": text}, "finish_reason": "stop", **more}
    return {"choices": [{"index": 0, **choice}, {"index": 1, **choice}]}


def label_again(answer: object, policy: OutputPolicy) -> dict[str, Any]:
    """Return a labelled answer, after a check that its parsed part is small."""
    sent = LightAnswer.of(json.dumps(answer, ensure_ascii=False).encode())
    assert len(sent.body) < HEAVY_BYTES
    labelled = json_response.label(
        sent, FIRST, key=b"k", path="/v1/chat/completions", policy=policy
    )
    document: dict[str, Any] = json.loads(labelled.body)
    del document["mmhie"]
    return document


@pytest.mark.parametrize(
    "answer",
    [
        answer_with(logprobs=CHAT),
        answer_with(logprobs=None, prompt_logprobs=PROMPT),
        {**answer_with(logprobs={"content": []}), "prompt_logprobs": PROMPT},
    ],
    ids=["chat", "prompt", "of the whole"],
)
@pytest.mark.parametrize("opening", ["", "Not advice. "], ids=["as it came", "written anew"])
def test_each_form_comes_out_as_it_went_in(answer: dict[str, Any], opening: str) -> None:
    """Even if the text around them changes, or a text looks like them."""
    passed = label_again(answer, OutputPolicy(around=Surroundings(opening)))

    for choice in passed["choices"]:
        assert choice["message"]["content"] == opening + TRICKY
        choice["message"]["content"] = TRICKY
    assert passed == answer


def test_what_is_stripped_is_not_put_back() -> None:
    """Log probabilities would spell out the marker that was stripped from the text."""
    passed = label_again(answer_with("a <|end|> b", logprobs=CHAT), OutputPolicy())

    assert [choice["logprobs"] for choice in passed["choices"]] == [None, None]


@pytest.mark.parametrize(
    "broken",
    [
        '{"choices": [{"logprobs": {"content": [',
        '{"logprobs": [[1}',
        '{"logprobs": {"content": [1 2]}}',
        '{"logprobs": {"content": [[' + "[]," * HEAVY_BYTES + "1]]}}",
        '{"logprobs": ' + "[" * 9999,
    ],
    ids=["cut", "crossed", "no comma", "one large item", "deep"],
)
def test_another_form_is_left_to_the_parser(broken: str) -> None:
    """Nothing is set aside, so the parser reports the fault, and memory is counted."""
    answer = (broken + " " * HEAVY_BYTES).encode()

    assert LightAnswer.of(answer) == (answer, answer, ())


@given(ANYTHING, st.sampled_from([None, 1]), st.text(alphabet=" \n\t", max_size=2))
def test_the_end_of_any_value_is_found(value: object, indent: int | None, blank: str) -> None:
    """For any content, layout and following text."""
    text = json.dumps(value, indent=indent).encode().decode("latin-1")

    assert find_end(text + blank + "]}", 0, LEVELS) == len(text)


async def test_a_large_event_of_a_stream_keeps_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread reads it; no other event overtakes it, even if the caller's socket is full."""
    threads = set()

    def note(text: str) -> tuple[Any, int]:
        threads.add(threading.current_thread().name.partition("_")[0])
        return json.JSONDecoder().raw_decode(text)

    monkeypatch.setattr(light_answer, "read_value", note)
    texts = ["one ", "two ", "large ", "three ", "four ", "end"]
    one, two, large, three, four, end = (
        chunk(completion_event(text, logprobs=CHAT if text == "large " else None)) for text in texts
    )
    line = Line(short=True)
    await line.begin()
    await line.read(one + two, is_full=False)
    await line.read(large + three, is_full=True)
    await eventually(lambda: line.pieces == 4)
    await line.read(four, is_full=False)
    await line.read(end + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n", is_full=False)
    outcome = await line.end()

    *events, _, _ = outcome.body.split(b"\n\n")
    choices = [json.loads(event[6:])["choices"][0] for event in events]
    assert [choice["text"] for choice in choices] == texts
    assert choices[2]["logprobs"] == CHAT
    assert threads == {"heavy"}


def completion_event(text: str, **more: object) -> bytes:
    """An event of /v1/completions as vLLM writes it."""
    finish = "stop" if text == "end" else None
    choice = {"index": 0, "text": text, **more, "finish_reason": finish}
    return b"data: %b\n\n" % json.dumps({"choices": [choice]}, separators=(",", ":")).encode()
