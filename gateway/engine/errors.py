"""Translate the engine's errors: callers' mistakes stay 4xx, faults behind the gateway are 5xx."""

import json
import os.path
import re
from collections.abc import Collection, Iterable, Iterator, Sequence

import orjson

from gateway.api.json_structure import holds_too_much
from gateway.api.paths import MESSAGES
from gateway.errors import (
    EngineGarbled,
    EngineRejected,
    EngineUnavailable,
    GatewayError,
    InputTooLong,
    RequestError,
)
from gateway.runtime.json_types import Json

TOO_LONG = "exceed_context_size_error"  # llama.cpp's type; the gateway cannot count for it
SHORTEST_ECHO = 4
FRONT_OF_ECHO = 16  # a longer text may be quoted without its end
WITHHELD = "[…]"
# Words of the API, not of a patient: an error about "tool_choice": "auto" has to say auto.
_API_WORDS = (
    "auto none required user system developer assistant tool function text json_object json_schema"
    " object string number integer boolean array medium high"
    " model messages prompt input output content role name tools tool_choice functions instructions"
    " max_tokens max_completion_tokens max_output_tokens min_tokens max_model_len context_length"
    " temperature top_p top_k min_p stop seed stream stream_options logprobs top_logprobs"
    " logit_bias prompt_logprobs response_format structured_outputs repetition_penalty"
    " presence_penalty frequency_penalty bad_words reasoning reasoning_effort parameters properties"
    " arguments input_tokens output_tokens prompt_tokens completion_tokens"
)
API_WORDS = frozenset(_API_WORDS.split())
# Objects whose keys are the caller's own and not the API's.
_FREE_NAMES = (
    "input",
    "logit_bias",
    "metadata",
    "chat_template_kwargs",
    "vllm_xargs",
    "properties",
    "$defs",
)
LONGEST_TOKEN_ID = 7  # digits: vocabularies have up to a few hundred thousand
MOST_PASSES = 8  # over a message: what is still changing then was made to be
LONGEST_MESSAGE = 16_384  # an engine may quote megabytes of a request; nobody reads that
LOOKED_AT = 4 * LONGEST_MESSAGE  # characters, some of which are an echo
# pydantic's error text ends each finding with the input that caused it. The blanks are bounded: a
# run of them would be tried from each of its characters.
WORD = re.compile(r"\w+")
# Names of the API and of the engine's classes: `messages.0.content`, `BadRequestError`.
LONGEST_PARAM = 256
NAME = re.compile(r"[A-Za-z_]\w{0,63}")
ESCAPES = ("\\n", "\\r", "\\t")  # as Python and JSON write them in front of a word
QUOTED = re.compile(r"[\\'\"]")
# There vLLM parses no JSON of the request's but the body, which has been parsed here: what Python's
# parser complains of is what the model wrote.
BROKEN_JSON = re.compile(r": line \d+ column \d+ \(char \d+\)\Z")
_INPUT_ECHO = re.compile(
    r"(?:,\s{0,4})?'input':.*?(?=, '(?:ctx|url)':|\}|$)|\[?input_value=.*", re.DOTALL
)


class EngineRefusal(RequestError):
    """A 4xx of the engine: its status, type, param and code; its message without the request."""

    def __init__(self, status: int, error: Json, message: str) -> None:
        super().__init__(message)
        self.status = status  # type: ignore[misc] # the engine's, not the class's
        self._details = {name: error.get(name) for name in ("type", "param", "code")}

    def details(self) -> Json:
        return {"message": self.message, **self._details}


def translate(status: int, body: bytes, request: object = None, *, path: str = "") -> GatewayError:
    """Return the error for an engine's response with this status and body.

    `request` is the parsed request: any text of it that the engine quotes is withheld.
    """
    if path == MESSAGES and status == 400 and BROKEN_JSON.search(message_of(body)):
        return EngineRejected("The model called a tool with an input that is not JSON; try again.")
    if status in (401, 403):
        return EngineRejected("The engine refused the gateway's key; check MMHIE_ENGINE_API_KEY.")
    if status in (429, 503):
        return EngineUnavailable("The engine is busy; try again.", retry_after_s=1)
    if 400 <= status < 500:
        refused = refusal(status, body, request)
        is_too_long = error_object(body).get("type") == TOO_LONG
        return InputTooLong(refused.message) if is_too_long else refused
    if status >= 500:
        return EngineRejected(f"The engine failed this request (status {status}); try again.")
    return EngineGarbled(f"The engine answered with an unexpected status ({status}).")


def translate_event(content: bytes, request: object) -> GatewayError:
    """Return the error for an error object in a stream.

    vLLM finds some mistakes in a request only after it has sent 200; the status that it would
    have sent is in the object's code.
    """
    code = error_object(content).get("code")
    if isinstance(code, int) and 400 <= code < 500:
        return translate(code, content, request)
    return EngineRejected("The engine failed while it was answering; try again.")


def refusal(status: int, body: bytes, request: object) -> EngineRefusal:
    error = error_object(body)
    message = error.get("message")
    if not isinstance(message, str):
        message = f"The engine refused this request (status {status})."
        error = {"type": "invalid_request_error", "param": None, "code": status}
    is_escaped = any("\\" in str(value) for value in error.values())
    texts = echoes(private(request), with_escapes=is_escaped)
    names = request.keys() if isinstance(request, dict) else ()
    shown = {
        name: value if is_own(name, value, names) else withhold(str(value), texts)
        for name, value in error.items()
    }
    said = withhold(_INPUT_ECHO.sub("", message[:LOOKED_AT]), texts)
    return EngineRefusal(status, shown, cut_off(said) if len(message) > LOOKED_AT else said)


def is_own(name: str, value: object, fields: Collection[str]) -> bool:
    """Return whether a value is the engine's own word, whatever the request says: its type and
    code, and the name of a field as its `param`."""
    if not isinstance(value, str):
        return True
    if name == "param":
        root, *path = WORD.findall(value[:LONGEST_PARAM]) or [""]
        is_field = root in fields or root in API_WORDS
        return (
            len(value) <= LONGEST_PARAM
            and " " not in value
            and is_field
            and all(map(is_api_word, path))
        )
    return name in ("type", "code") and bool(NAME.fullmatch(value))


def is_api_word(word: str) -> bool:
    """Return whether a part of a field's path is no text of a caller's."""
    return word.isdigit() or word in API_WORDS


def private(request: object) -> object:
    """Return a request without the model's name, which is public."""
    if not isinstance(request, dict):
        return request
    return {name: value for name, value in request.items() if name != "model"}


def message_of(body: bytes) -> str:
    """Return the message of an engine's error body; empty when there is none."""
    message = error_object(body).get("message")
    return message if isinstance(message, str) else ""


def error_object(body: bytes) -> Json:
    """Return the `error` object of an engine's error body; empty when there is none."""
    if holds_too_much(body):
        return {}
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    error = parsed.get("error") if isinstance(parsed, dict) else None
    return error if isinstance(error, dict) else {}


def withhold(message: str, texts: Sequence[str]) -> str:
    """Return the message without any of the texts, longest first, and without the beginning of a
    long one: error texts end up in logs and tickets."""
    if len(message) > LONGEST_MESSAGE:  # what begins just before the cut is too short to find
        return cut_off(withhold(message[:LONGEST_MESSAGE], texts))
    lengths = {min(len(text), FRONT_OF_ECHO) for text in texts}
    for _ in range(MOST_PASSES):  # taking one text out may put another together
        before, fronts = message, fronts_in(message, lengths)
        for text in texts:
            if text[:FRONT_OF_ECHO] in fronts:
                message = without(message, text)
        if message == before:
            return message
    return WITHHELD


def cut_off(shown: str) -> str:
    """Return a message whose rest is not shown, without what begins just before."""
    return shown if shown.endswith(WITHHELD) else shown[:-FRONT_OF_ECHO] + WITHHELD


def fronts_in(message: str, lengths: Iterable[int]) -> set[str]:
    """Return the runs of characters of these lengths, with which quoted texts begin: a request may
    hold a hundred thousand texts, and to look for each in the message would take seconds."""
    return {message[at : at + length] for length in lengths for at in range(len(message))}


def without(message: str, text: str) -> str:
    """Return the message with each occurrence of a text withheld, as far as it matches; a single
    word only where it stands alone."""
    front, is_word = text[:FRONT_OF_ECHO], bool(WORD.fullmatch(text))
    at = message.find(front)
    while at >= 0:
        echo = os.path.commonprefix([message[at:], text])  # noqa: RUF071 - characters are meant
        if is_word and is_within_word(message, at, at + len(echo)):
            at = message.find(front, at + 1)
            continue
        message = f"{message[:at]}{WITHHELD}{message[at + len(echo) :]}"
        at = message.find(front, at + len(WITHHELD))
    return message


def is_within_word(message: str, start: int, end: int) -> bool:
    """Return whether a word goes on before or after a place; an escape is no part of it."""
    before = message[max(0, start - 2) : start]
    goes_on = bool(WORD.match(before[-1:])) and before not in ESCAPES
    return goes_on or bool(WORD.match(message[end : end + 1]))


def needs_escapes(text: str) -> bool:
    return not text.isascii() or not text.isprintable() or bool(QUOTED.search(text))


def echoes(request: object, *, with_escapes: bool = True) -> list[str]:
    """Return what an error may quote of a request, longest first: every text and each of its
    lines, as it is and as Python or JSON would quote it. What they write in another way has a
    backslash: an error without one needs no escapes, which take ten times as long."""
    echoed = set()
    for text in set(strings(request)):
        for part in {text, text.strip(), *text.splitlines()}:
            echoed.add(part)
            if with_escapes and needs_escapes(part):
                echoed |= {repr(part)[1:-1], ascii(part)[1:-1]}
                echoed |= {json.dumps(part, ensure_ascii=pure)[1:-1] for pure in (True, False)}
    texts = (text for text in echoed if len(text) >= SHORTEST_ECHO and text not in API_WORDS)
    return sorted(texts, key=len, reverse=True)


def strings(value: object) -> Iterator[str]:
    """Yield every string in a parsed request except the names of the API's fields."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from strings(item)
            if name in _FREE_NAMES and isinstance(item, dict):
                yield from (key for key in item if not is_token_id(name, key))
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def is_token_id(name: str, key: str) -> bool:
    """Return whether a key is a token's number, which an error may name: no text is one."""
    return name == "logit_bias" and key.isascii() and key.isdigit() and len(key) <= LONGEST_TOKEN_ID
