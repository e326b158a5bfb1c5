"""The texts of a request to screen, and their language.

The texts are all strings that may reach the model's template, except the model's own earlier words.
Each path has one conversation; all other fields are read, too, unless `NOT_READ` names them, so
that no field of a later engine is missed.

The language is recognised by its most frequent words, in the first characters of a turn. It serves
a metric, and a warning about prompts in a language that is not screened.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from gateway.api import paths
from gateway.runtime.json_types import Json

Role = Literal["system", "user", "tool"]
# The fields of a path's conversation, oldest first.
CONVERSATIONS: Mapping[str, tuple[str, ...]] = {
    paths.GENERATE: ("history", "prompt"),
    paths.CHAT: ("messages",),
    paths.COMPLETIONS: ("prompt", "suffix"),
    paths.RESPONSES: ("input",),
    paths.MESSAGES: ("messages",),
    paths.COUNT: ("messages",),
    paths.TOKENIZE: ("messages", "prompt"),
}
ANY_CONVERSATION = ("messages", "input", "history", "prompt")
# Fields in which an application repeats its own text.
SETTING_FIELDS = (
    "instructions",
    "system",
    "tools",
    "functions",
    "response_format",
    "text",
    "output_config",
)
SETTING_ROLES = ("system", "developer")
# Fields that no template gets: names, switches, and patterns for the answer.
NOT_READ = frozenset(
    (
        *("model", "user", "metadata", "service_tier", "safety_identifier", "client_metadata"),
        *("prompt_cache_key", "prompt_cache_retention", "cache_salt", "request_id", "session_id"),
        *("stop", "stop_sequences", "bad_words", "logit_bias", "structured_outputs"),
        *("include", "stream_options"),
        *("tool_choice", "reasoning_effort", "truncation", "truncation_side", "modalities"),
        *("reasoning", "thinking", "verbosity", "context_management", "betas", "tokens"),
    )
)
# Fields of an item whose values may be identifiers; other values are read.
IDENTIFIERS = frozenset(
    ("role", "type", "name", "id", "call_id", "tool_call_id", "tool_use_id", "status", "ttl")
)
OWN_ITEMS = ("function_call", "custom_tool_call", "reasoning")  # by the model, without a role
HOLDERS = (str, list, dict)  # may contain text
IDENTIFIER = re.compile(r"[\w.:-]{1,64}")

Language = Literal["en", "de", "es", "fr", "pt", "it", "other"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
OTHER: Language = "other"
HEAD = 300  # characters: about 45 words
TURNS_BACK = 4  # short turns have no clear language: "OK", "38.5"
FEWEST_LETTERS, FEWEST_WORDS = 3, 3  # for a certain result
LAST_LATIN = "\u024f"
LETTERS = re.compile(r"[^\W\d_]+")
NO_LETTERS = {at: " " for at in range(128) if not chr(at).isalpha()}  # of ASCII
COMMON: Mapping[str, list[str]] = {
    language: words.split()
    for language, words in tomllib.loads(
        Path(__file__).with_name("languages.toml").read_text("utf-8")
    ).items()
}
DIGITS = "".join(map(str, range(len(LANGUAGES))))
VOTES: Mapping[str, str] = {
    word: "".join(str(at) for at, name in enumerate(LANGUAGES) if word in COMMON[name])
    for words in COMMON.values()
    for word in words
}


class Turn(NamedTuple):
    """One text of a request: the application's (`system`), a tool's result (`tool`), or any other
    text (`user`)."""

    role: Role
    text: str


def turns_of(path: str, request: Json) -> list[Turn]:
    """Return the turns of a request: the application's text, other fields, then the conversation,
    oldest first."""
    names = CONVERSATIONS.get(path, ANY_CONVERSATION)
    setting = [Turn("system", text_in(request[name])) for name in SETTING_FIELDS if name in request]
    others = [
        Turn("user", text_in(value))
        for name, value in request.items()
        if isinstance(value, HOLDERS)
        and not (name in names or name in SETTING_FIELDS or name in NOT_READ)
    ]
    turns = [turn for name in names for turn in conversation(request.get(name))]
    first = [turn for turn in turns if turn.role == "system"]
    rest = [turn for turn in turns if turn.role != "system"]
    return [turn for turn in [*setting, *first, *others, *rest] if turn.text]


def conversation(value: object) -> Iterator[Turn]:
    """Yield the turns of a conversation; a text, or a list without objects, is one turn."""
    if not isinstance(value, list) or not any(isinstance(item, dict) for item in value):
        yield Turn("user", text_in(value))
        return
    for item in value:
        yield Turn(role_of(item), text_in(without_model_text(item)))


def role_of(item: object) -> Role:
    """Return the role of an item; items of the model count as `tool`, for their tools' results."""
    if is_setting(item):
        return "system"
    is_tool = isinstance(item, dict) and (
        item.get("role") in ("tool", "function", "assistant")
        or str(item.get("type")).endswith("_call_output")
    )
    return "tool" if is_tool else "user"


def is_setting(item: object) -> bool:
    """Return whether an item is the application's own text."""
    return isinstance(item, dict) and item.get("role") in SETTING_ROLES


def without_model_text(item: object) -> object:
    """Return the parts of an item that are not the model's own words; of the model's messages these
    are the tool results in Anthropic's API."""
    if not isinstance(item, dict):
        return item
    is_model = item.get("role") == "assistant"
    if not is_model and (item.get("role") is not None or item.get("type") not in OWN_ITEMS):
        return item
    parts = item.get("content") if is_model else None
    blocks = parts if isinstance(parts, list) else []
    return [
        block for block in blocks if isinstance(block, dict) and block.get("type") == "tool_result"
    ]


def text_in(value: object) -> str:
    """Return all text in a value, one text per line, including names that are not identifiers."""
    return value if isinstance(value, str) else "\n".join(texts_in(value))


def texts_in(value: object) -> Iterator[str]:
    """Yield the texts in a value in order, without recursion: a body may be nested deeply."""
    waiting = [value]
    while waiting:
        content = waiting.pop()
        if isinstance(content, str):
            if content:
                yield content
        elif isinstance(content, list):
            waiting += reversed(content)
        elif isinstance(content, dict):
            waiting += reversed(list(parts_in(content)))


def parts_in(holder: Json) -> Iterator[object]:
    """Yield the names and values of an object that are not identifiers."""
    for name, item in holder.items():
        if not IDENTIFIER.fullmatch(name):
            yield name
        is_named = name in IDENTIFIERS and isinstance(item, str)
        if not (is_named and IDENTIFIER.fullmatch(item)):
            yield item


def has_token_ids(body: Json) -> bool:
    """Return whether a prompt has token ids, which cannot be screened. vLLM reads a list as token
    ids unless all its items are texts; even 1.0 or "1" can be an id then."""
    prompt = body.get("prompt")
    return isinstance(prompt, list) and not all(isinstance(each, str) for each in prompt)


def language_of(text: str) -> Language:
    """Return the language of a text's beginning; `other` if that is not clear."""
    votes = "".join(votes_in(first_words(text)))
    counts = list(map(votes.count, DIGITS))
    most = max(counts)
    return LANGUAGES[counts.index(most)] if counts.count(most) == 1 else OTHER


def is_in_other_language(turns: Sequence[Turn]) -> bool:
    """Return whether the caller certainly writes in another language, by the last turn with a clear
    language."""
    texts = [turn.text for turn in turns[-TURNS_BACK:] if turn.role not in SETTING_ROLES]
    for text in reversed(texts):
        if language_of(text) != OTHER:
            return False
        if is_surely_other(first_words(text)):
            return True
    return False


def is_surely_other(words: Sequence[str]) -> bool:
    """Return whether most letters are of another script, or words of other languages are twice as
    frequent as words of the named languages."""
    letters = "".join(words)
    if (
        len(letters) >= FEWEST_LETTERS
        and sum(letter > LAST_LATIN for letter in letters) > len(letters) / 2
    ):
        return True
    other = str(LANGUAGES.index(OTHER))
    votes = votes_in(sorted(set(words)))
    theirs = votes.count(other)
    return theirs >= FEWEST_WORDS and theirs > 2 * sum(other not in vote for vote in votes)


def first_words(text: str) -> list[str]:
    """Return the words of a text's beginning."""
    head = text[:HEAD].lower()
    return head.translate(NO_LETTERS).split() if head.isascii() else LETTERS.findall(head)


def votes_in(words: Sequence[str]) -> list[str]:
    """Return the languages of each common word, as digits."""
    return list(filter(None, map(VOTES.get, words)))
