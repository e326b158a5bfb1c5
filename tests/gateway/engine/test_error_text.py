"""Redaction of the engine's error texts: the engine's words stay, the caller's do not."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.engine.error_text import LONGEST_MESSAGE, PIECE, WORDS, redact, redact_piece
from scripts import engine_words
from tests.growth import growth

FINDING = "1 validation error:\n  {'type': 'float_parsing', 'loc': 'body.temperature', 'msg': "
# Refusals of vLLM 0.32 that stay as they are.
UNCHANGED = (
    "temperature must be non-negative, got -1.0. (parameter=temperature, value=-1.0)",
    "when using `top_logprobs`, `logprobs` must be set to true. (parameter=top_logprobs)",
    "The tool specified in `tool_choice` does not match any of the specified `tools`",
    "When response_format type is 'json_schema', the 'json_schema' field must be provided.",
    "Stream options can only be defined when `stream=True`. (parameter=stream_options)",
    "You can only use one kind of constraints for structured outputs ('json' or 'regex').",
    "`logprobs` must be a positive value or -1. (parameter=logprobs, value=-3)",
    "The provided JSON schema contains features not supported by xgrammar.",
    "This model's maximum context length is 8192 tokens. However, you requested 512 output tokens"
    " and your prompt contains at least 7681 input tokens, for a total of at least 8193 tokens."
    " Please reduce the length of the input prompt or the number of requested output tokens.",
    "token_id(s) [151938] in logit_bias contain out-of-vocab token ids. Vocabulary size: 49152",
    '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
    "Conversation roles must alternate user/assistant/user/assistant/...",
    "request (3141 tokens) exceeds the available context size (1024 tokens), try increasing it",
    "Expecting ',' delimiter: line 1 column 12 (char 11)",
)
# Refusals of vLLM that quote the request, and what is shown of them.
CHANGED = {
    FINDING + "'Input should be a valid number', 'input': 'chest pain'}": (
        FINDING + "'Input should be a valid number', 'input': [...]}"
    ),
    FINDING + "\"Input should be 'low' or 'high'\", 'input': 4711, 'ctx': {'ge': 0}}": (
        FINDING + "\"Input should be 'low' or 'high'\", 'input': [...], 'ctx': [...]}"
    ),
    FINDING + "'Value error, \\'Ada\\' of', 'input': 1, 'url': 'https://x/v/y'}": (
        FINDING + "'Value error, [...] of', 'input': [...]}"
    ),
    "Input should be valid [type=x, input_value='Ada, input_type=', input_type=str]": (
        "Input should be valid [type=[...], input_value=[...]]"
    ),
    "Invalid value for `tool_choice`: Ada Lovelace! Only named tools": (
        "Invalid value for `tool_choice`: [...]! Only named tools"
    ),
    "integer token IDs: ['aspirin'] (parameter=logit_bias, value=['aspirin'])": (
        "integer token IDs: [[...]] (parameter=logit_bias, value=[...])"
    ),
    "Regex parsing error at position 5: Unclosed '[' in chest pain (": (
        "Regex parsing error at position 5: Unclosed '[' in [...] ()"
    ),
    "'Ada Lovelace' is undefined": "[...] is undefined",
    "Error parsing tool call: dose Ada with 12 mg": "Error parsing tool call: [...]",
    "token ids [1, 22, 333, 1, 2, 3, 4, 5, 6, 7, 8]": "token ids [[...]]",
}
SECRETS = (
    *("Ada", "Lovelace", "aspirin", "pneumonia", "Grüße", "12345678", "1970-01-02", "02.01.1970"),
    *("555 123 4567", "MRN123", "1/2/1970", "12:30:15", "naïve", "Long", "Harmony"),
)
QUOTES = ("{}", "'{}'", '"{}"', "`{}`", "a {} b", "({}),", "x\\n{}\\n", "-{}:", "'{}", "{}'", '"{}')
TEXTS = st.text(st.sampled_from("Qz9 '\"`\\,.()[]{}=:\n-/é"), max_size=60)


@pytest.mark.parametrize("message", UNCHANGED)
def test_a_refusal_without_quotes_is_unchanged(message: str) -> None:
    """Counts, limits, fields and flags stay: a person needs them."""
    assert redact(message) == message


@pytest.mark.parametrize("message", CHANGED)
def test_quoted_text_is_withheld(message: str) -> None:
    """In each way in which vLLM, pydantic, jinja2 and parsers quote."""
    assert redact(message) == CHANGED[message]


@pytest.mark.parametrize("quote", QUOTES)
def test_no_name_date_or_number_survives(quote: str) -> None:
    """Names of persons, drugs and diagnoses, dates, phone and record numbers."""
    for secret in SECRETS:
        shown = redact(f"Invalid value: {quote.format(secret)} is not allowed")

        assert secret not in shown
        assert not {*re.findall(r"\w{2,}", secret)} & {*re.findall(r"\w{2,}", shown)}


@given(text=TEXTS, way=st.sampled_from([str, repr, ascii, json.dumps, "{{'input': {!r}}}".format]))
def test_no_text_of_a_request_survives(text: str, way: Any) -> None:
    """For any quotes, brackets and escapes, no word of the text is shown."""
    secret = f"zebrafish {text} zebrafish"
    shown = redact(f"The value {way(secret)} is not allowed")

    assert "zebra" not in shown
    assert "Qz" not in shown.replace("[...]", "")


def test_known_words_of_a_quoted_text_go_too() -> None:
    """A quoted text is withheld whole, even with apostrophes; of other text, words that are not the
    engine's."""
    for text in ("the model has no input", "it's the left", "the users' input has failed"):
        assert redact(f"cannot parse '{text}'") == "cannot parse [...]"
    assert redact("cannot parse: Ada has no pain in the left arm") == "cannot parse: [...]"


def test_no_word_is_a_person_s() -> None:
    """Names with a capital letter; scripts/engine_words.py has more."""
    assert WORDS.isdisjoint(
        ("Ada", "Grace", "Harmony", "Kimi", "Long", "Mark", "May", "Rose", "Will")
    )


def test_a_long_message_is_cut() -> None:
    """A text that is cut within a quote is withheld, too."""
    shown = redact("the " * LONGEST_MESSAGE)

    assert len(shown) == LONGEST_MESSAGE + len("[...]")
    assert shown.endswith("[...]")


@pytest.mark.parametrize("piece", ["'a' ", "a' ", '"', "zq a ", "\\", "é "])
def test_the_time_is_linear(piece: str) -> None:
    """Four times the text takes four times as long, not sixteen times."""

    def run(size: int) -> None:
        PIECE.sub(redact_piece, piece * size)

    assert growth(run, 8_000, 4) < 10


def test_the_words_are_those_of_the_installed_engine() -> None:
    """`python -m scripts.engine_words` generates the same file."""
    assert engine_words.TARGET.read_text("utf-8") == engine_words.render()
