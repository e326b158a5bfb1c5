"""The engine's refusals: whose mistake it is, and never a word of the request."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.engine.errors import (
    API_WORDS,
    LONGEST_MESSAGE,
    LOOKED_AT,
    WITHHELD,
    echoes,
    translate,
    withhold,
)
from gateway.errors import EngineGarbled, EngineRejected, EngineUnavailable
from tests.growth import growth
from tests.python_lines import lines_run

WORDS = st.text(st.characters(codec="utf-8"), min_size=4, max_size=30)
AWKWARD = st.sampled_from(
    [
        *('It\'s the "left" arm', "line one\nline two", "tab\there\\back"),
        *("naïve \u2028 süß 😷", "  spaced out  ", "[…]", "pain"),
    ]
)
TEXTS = WORDS | AWKWARD
NAMES = st.sampled_from(["messages", "content", "user", "tools"])
REQUESTS = st.recursive(
    TEXTS | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
QUOTED = [
    lambda text: text,
    repr,
    ascii,
    json.dumps,
    lambda text: json.dumps(text, ensure_ascii=False),
    lambda text: repr([{"role": "user", "content": text}]),
    lambda text: str({"input": {"content": text}}),
    lambda text: text.strip(),
]


def texts_of(request: object) -> list[str]:
    """The oracle: every string value of a request."""
    if isinstance(request, str):
        return [request]
    inside = list(request.values()) if isinstance(request, dict) else request
    return [text for each in inside for text in texts_of(each)] if isinstance(inside, list) else []


def refused(message: object, request: object, **more: Any) -> dict[str, Any]:
    """The error object a caller gets for an engine's 400."""
    error = {"message": message, "type": "BadRequestError", "param": None, "code": 400, **more}
    body = json.dumps({"error": error}).encode()
    told: dict[str, Any] = translate(400, body, request).envelope()["error"]
    return told


@given(request=REQUESTS, quotes=st.lists(st.sampled_from(QUOTED), min_size=1), data=st.data())
def test_no_text_of_the_request_survives(request: Any, quotes: list[Any], data: Any) -> None:
    """Plain, in Python's quotes, in JSON's, stripped, nested, several at once."""
    texts = texts_of(request)
    assume(texts)
    echoed = " and ".join(f"bad {quote(data.draw(st.sampled_from(texts)))}!" for quote in quotes)
    told = refused(echoed, request)["message"]
    for text in texts:
        written = (repr(text)[1:-1], ascii(text)[1:-1], json.dumps(text)[1:-1])
        for form in {text, text.strip(), *written}:
            if len(form) > 3 and form not in API_WORDS:
                assert form not in told, (form, echoed)


@pytest.mark.parametrize("size", [20, 60, 5000])
def test_the_front_of_a_long_text_is_withheld_too(size: int) -> None:
    """Engines leave out the end of what they quote."""
    prompt = ("My name is Ada Lovelace and my chest hurts since noon. " * 100)[:size]
    for kept in {16, 19, max(size // 2, 16), size}:
        told = refused(f"cannot read '{prompt[:kept]}...' here", {"prompt": prompt})["message"]
        assert told in (f"cannot read '{WITHHELD}...' here", f"cannot read '{WITHHELD}' here")


CONTEXT = 'maximum context length is 8192 tokens; "auto" tool choice requires --x'
TOKENS = "token_id(s) [151938, {}, {}] in logit_bias contain out-of-vocab token ids"
# What an engine says, what a caller is told of it, and the request.
SENTENCES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a parser quotes the line it stumbled over": (
        "missing ) in: chest pain (",
        f"missing ) in: {WITHHELD}",
        {"guided_regex": "first line\nchest pain (\nlast"},
    ),
    "counts, limits and words of the API are what a person needs": (
        CONTEXT,
        CONTEXT,
        {"tool_choice": "auto", "messages": [{"role": "user", "content": "Hello there"}]},
    ),
    "a token's id is a number of the vocabulary; a longer one may be anybody's": (
        TOKENS.format("4711081512", "aspirin"),
        TOKENS.format(WITHHELD, WITHHELD),
        {"logit_bias": {"151938": 1, "4711081512": 1, "aspirin": 1}},
    ),
    "names of the API stay, those that are the caller's own do not": (
        "temperature, logit_bias of ['chest pain'], ward 7",
        f"temperature, logit_bias of ['{WITHHELD}'], {WITHHELD}",
        {"temperature": 5, "logit_bias": {"chest pain": 1}, "metadata": {"ward 7": "x"}},
    ),
    "the name of the model is public": (
        "m-1 reads no images",
        "m-1 reads no images",
        {"model": "m-1", "prompt": "chest pain"},
    ),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_what_of_a_sentence_is_told(name: str) -> None:
    """The caller's words are withheld, and those that say what is wrong stay."""
    said, told, request = SENTENCES[name]
    assert refused(said, request)["message"] == told


def test_pydantic_s_echo_is_withheld_even_where_it_is_no_text() -> None:
    """Its findings end with the input that caused them."""
    finding = "1 validation error: {'type': 'int_type', 'msg': 'Input should be an integer', "
    for echo in ("'input': 4711}", "'input': [4711], 'url': 'https://x'}", "'input': {'a': 4711}"):
        told = refused(finding + echo, {"max_tokens": 4711})["message"]
        assert "Input should be an integer" in told
        assert "4711" not in told
    told = refused("Input should be valid [type=x, input_value=4711, input_type=int]", {})
    assert "4711" not in told["message"]


def test_a_prompt_over_the_context_of_llama_cpp() -> None:
    """Its own type of error is the gateway's: 413, with the engine's exact counts."""
    sentence = "request (3141 tokens) exceeds the available context size (1024 tokens)"
    error = {"code": 400, "message": sentence, "type": "exceed_context_size_error", "n_ctx": 1024}
    told = translate(400, orjson.dumps({"error": error}), {"prompt": "Ada Lovelace"})
    assert (told.status, told.code, told.message) == (413, "input_too_long", sentence)


def test_other_fields_of_the_error_are_ours_to_choose() -> None:
    """Type, param and code stay, without the request; whatever else there is goes."""
    told = refused("no", {"user": "Ada Lovelace"}, param="Ada Lovelace", body={"x": "Ada Lovelace"})
    assert told == {"message": "no", "type": "BadRequestError", "param": WITHHELD, "code": 400}


@pytest.mark.parametrize(
    "said", ["Request", "Error", "max_tokens", "model", "output", "BadRequestError", "length"]
)
def test_the_engine_s_own_names_stay(said: str) -> None:
    """A prompt that happens to hold one of them changes none; nor does a part of a longer word."""
    sentence = "max_tokens=9000 is over max_model_len=8192 or output_length of the Requester_Error"
    named: dict[str, Any] = {"tools": [{"parameters": {"properties": {said: {}}}}]}
    requests: list[dict[str, Any]] = [{"prompt": said}, named]
    for request in requests:
        told = refused(sentence, request, param="max_tokens")
        assert told["message"] == sentence.replace("BadRequestError", WITHHELD)
        assert (told["type"], told["param"], told["code"]) == ("BadRequestError", "max_tokens", 400)


@pytest.mark.parametrize(
    ("param", "stays"),
    [
        ("messages.0.content", True),
        ("messages[0][content]", True),
        ("colour", True),
        ("tools.0.Lovelace", False),
        ("Lovelace", False),
        ("messages.Lovelace x", False),
        ("", True),
    ],
)
def test_a_param_is_a_field(param: str, stays: bool) -> None:
    """The path of one; no text of the request in its place."""
    request = {"colour": "Lovelace", "tools": ["Lovelace", "Lovelace x"]}
    assert (refused("no", request, param=param)["param"] == param) is stays


@pytest.mark.parametrize("around", ["{}", "'{}'", "a {} b", "x\\n{}\\n", '"{}"', "({}),", "-{}:"])
def test_a_word_that_stands_alone_is_withheld(around: str) -> None:
    """Whatever stands beside it, and wherever it stands within a longer text."""
    told = refused(around.format("Lovelace"), {"prompt": "Lovelace"})["message"]
    assert told == around.format(WITHHELD)
    assert refused("Lovelaces, xLovelace", {"prompt": "Lovelace"})["message"].count("ovelace") == 2


WORDLESS = (
    *(b"", b"no", b"[]", b"{}", b'{"error": null}', b'{"error": "x"}'),
    *(b'{"error": {"message": 1}}', b'{"detail": [{"input": "chest pain"}]}'),
)


@pytest.mark.parametrize("body", WORDLESS)
@pytest.mark.parametrize("status", [400, 404, 413, 422, 499])
def test_a_refusal_without_words_gets_ours(status: int, body: bytes) -> None:
    """The engine's status, a sentence of ours, the one error shape."""
    error = translate(status, body, {"prompt": "chest pain"})
    told = error.envelope()["error"]
    assert error.status == status
    assert set(told) == {"message", "type", "param", "code"}
    assert told["message"] == f"The engine refused this request (status {status})."


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, EngineRejected),
        (403, EngineRejected),
        (429, EngineUnavailable),
        (500, EngineRejected),
        (502, EngineRejected),
        (503, EngineUnavailable),
        (204, EngineGarbled),
        (302, EngineGarbled),
        (600, EngineRejected),
    ],
)
def test_whose_mistake_it_is(status: int, kind: type[Exception]) -> None:
    """The gateway's key, the engine's load, the engine's failure: never the caller's 4xx, and
    never the engine's words."""
    body = orjson.dumps({"error": {"message": "chest pain"}})
    error = translate(status, body, {"prompt": "chest pain"})
    assert type(error) is kind
    assert "chest" not in error.message
    assert error.status >= 500


def test_withholding_ends() -> None:
    """Texts made of the mark itself do not make it go round for ever."""
    assert withhold("[[…]…]" * 50, echoes({"a": "[…][…]", "b": "…]…]", "c": "[[…]"}))


def test_a_long_message_is_cut_without_the_beginning_of_a_quoted_text() -> None:
    """The cut leaves no piece that is too short to be recognised."""
    secret = "aortic dissection with severe tearing chest pain"
    for blanks in range(LONGEST_MESSAGE - 60, LONGEST_MESSAGE + 4):
        message = "." * blanks + secret * 100
        shown = refused(message, {"prompt": secret})["message"]
        assert len(shown) <= LONGEST_MESSAGE
        assert "aort" not in shown
    for echoed in range(LOOKED_AT - 60, LOOKED_AT + 4):  # an echo, of which nothing is left
        message = "'input': '" + "x" * (echoed - 10) + "'}" + secret * 3
        assert "aort" not in refused(message, {"prompt": secret})["message"]


@pytest.mark.parametrize("piece", [" ", ", 'input': ", "t"])
def test_megabytes_of_blanks_and_texts_take_no_time(piece: str) -> None:
    """Four times the message and its texts take four times as long, not sixteen times."""

    def refuse(size: int) -> None:
        texts = [f"t{number:06}" for number in range(size // 40)]
        refused(piece * (size // len(piece)), {"messages": texts})

    assert growth(refuse, 125_000, 4) < 10


def test_time_is_linear_in_a_request_of_many_texts() -> None:
    """Lines run, not seconds: twice the texts are twice the work, whatever the engine quotes."""
    small, large = (lines_to_withhold(texts) for texts in (2_000, 4_000))
    assert large < 2.2 * small


def test_a_text_is_looked_for_only_where_its_front_is_quoted() -> None:
    """Not each of many texts that begin as the message does, and go on in another way."""
    texts = [f"aaaaaaaaaa{number:05}" for number in range(5_000)]
    assert lines_run(lambda: withhold("a" * 200, texts)) < 4 * len(texts)


@given(st.text())
def test_what_is_quoted_in_another_way_has_a_backslash(text: str) -> None:
    """An error without one is searched for plain texts only, which is seven times as fast."""
    plain = echoes({"a": text}, with_escapes=False)

    assert all("\\" in echo for echo in {*echoes({"a": text})} - {*plain})


def test_what_keeps_changing_is_withheld() -> None:
    """Texts made so that taking one out puts the next together, again and again."""
    texts = [f"(aa{WITHHELD * depth}bb)" for depth in range(60)]
    message = "(aa" * 60 + "bb)" * 60
    assert withhold(message, sorted(texts, key=len, reverse=True)) == WITHHELD


def lines_to_withhold(texts: int) -> int:
    """Return how many lines of Python it takes to withhold so many texts of a request."""
    request = {"messages": [{"content": [f"{number:06}" for number in range(texts)]}]}
    body = json.dumps({"error": {"message": " ".join(f"{n:06}" for n in range(100))}}).encode()
    return lines_run(lambda: translate(400, body, request))
