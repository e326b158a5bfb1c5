"""The text of a request that notices are looked for in, and its language: every string that may
reach the model's template, but for the model's own earlier words.

Each path has one conversation; all other fields are read too, unless `NOT_READ` names them. So what
a path ignores is read for nothing, and what a later engine reads is not missed.

The language is told by its commonest words among the first characters of a turn: for a count, and
for one warning, that a prompt is surely in a language that is not screened.
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
# What an application says in every request.
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
# Fields that no template is given: names, switches, and what the answer is matched with.
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
# Names within an item whose values are identifiers, or are read.
IDENTIFIERS = frozenset(
    ("role", "type", "name", "id", "call_id", "tool_call_id", "tool_use_id", "status", "ttl")
)
OWN_ITEMS = ("function_call", "custom_tool_call", "reasoning")  # of the model, with no role
HOLDERS = (str, list, dict)  # what may have a text in it
IDENTIFIER = re.compile(r"[\w.:-]{1,64}")

Language = Literal["en", "de", "es", "fr", "pt", "it", "other"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
OTHER: Language = "other"
HEAD = 300  # characters: about 45 words
TURNS_BACK = 4  # a short turn tells no language: "OK", "38.5"
FEWEST_LETTERS, FEWEST_WORDS = 3, 3  # from which one can be sure
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
    """One text of a request: an application's (`system`), a tool's result (`tool`), or anything
    else that a caller sends (`user`)."""

    role: Role
    text: str


def turns_of(path: str, request: Json) -> list[Turn]:
    """Return the turns of a request, oldest first: what an application always says, other fields,
    the conversation."""
    names = CONVERSATIONS.get(path, ANY_CONVERSATION)
    setting = [Turn("system", text_of(request[name])) for name in SETTING_FIELDS if name in request]
    others = [
        Turn("user", text_of(value))
        for name, value in request.items()
        if isinstance(value, HOLDERS)
        and not (name in names or name in SETTING_FIELDS or name in NOT_READ)
    ]
    said = [turn for name in names for turn in conversation(request.get(name))]
    first = [turn for turn in said if turn.role == "system"]
    rest = [turn for turn in said if turn.role != "system"]
    return [turn for turn in [*setting, *first, *others, *rest] if turn.text]


def screened(request: Json, path: str = "") -> Sequence[str]:
    """Return the texts of the turns of a request."""
    return [turn.text for turn in turns_of(path, request)]


def conversation(value: object) -> Iterator[Turn]:
    """Yield the turns of a conversation; of a text, or of a list without items, the only one."""
    if not isinstance(value, list) or not any(isinstance(item, dict) for item in value):
        yield Turn("user", text_of(value))
        return
    for item in value:
        yield Turn(role_of(item), text_of(said_in(item)))


def role_of(item: object) -> Role:
    """Return who says an item: what the model called is a tool's, whatever else its turn holds."""
    if is_setting(item):
        return "system"
    is_tool = isinstance(item, dict) and (
        item.get("role") in ("tool", "function", "assistant")
        or str(item.get("type")).endswith("_call_output")
    )
    return "tool" if is_tool else "user"


def is_setting(item: object) -> bool:
    """Return whether an item is an application's."""
    return isinstance(item, dict) and item.get("role") in SETTING_ROLES


def said_in(item: object) -> object:
    """Return what an item says beside the model's own words: of those the results of tools only,
    which Anthropic's API has among a message's blocks."""
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


def text_of(value: object) -> str:
    """Return all text below a value, a line each; of an object the names, too, that are no
    identifier."""
    return value if isinstance(value, str) else "\n".join(texts_in(value))


def texts_in(value: object) -> Iterator[str]:
    """Yield the texts below a value in order, without recursion: a body may be nested deep."""
    waiting = [value]
    while waiting:
        content = waiting.pop()
        if isinstance(content, str):
            if content:
                yield content
        elif isinstance(content, list):
            waiting += reversed(content)
        elif isinstance(content, dict):
            waiting += reversed(list(parts_of(content)))


def parts_of(holder: Json) -> Iterator[object]:
    """Yield what an object says."""
    for name, item in holder.items():
        if not IDENTIFIER.fullmatch(name):
            yield name
        is_named = name in IDENTIFIERS and isinstance(item, str)
        if not (is_named and IDENTIFIER.fullmatch(item)):
            yield item


def has_token_ids(body: Json) -> bool:
    """Return whether a prompt holds token ids, which nobody here reads: to vLLM only a list of
    nothing but texts is one of texts, and 1.0 or a "1" beside or below others is an id, too."""
    prompt = body.get("prompt")
    return isinstance(prompt, list) and not all(isinstance(each, str) for each in prompt)


def language_of(text: str) -> Language:
    """Return the language of a text's beginning: `other` where its words do not tell."""
    votes = "".join(votes_in(first_words(text)))
    counts = list(map(votes.count, DIGITS))
    most = max(counts)
    return LANGUAGES[counts.index(most)] if counts.count(most) == 1 else OTHER


def is_in_other_language(turns: Sequence[Turn]) -> bool:
    """Return whether the caller surely writes in another language: the last turn says so, or the
    one before where that tells nothing."""
    said = [turn.text for turn in turns[-TURNS_BACK:] if turn.role not in SETTING_ROLES]
    for text in reversed(said):
        if language_of(text) != OTHER:
            return False
        if is_surely_other(first_words(text)):
            return True
    return False


def is_surely_other(words: Sequence[str]) -> bool:
    """Return whether words are of another script for the most part, or of the other languages
    alone twice as often as of the named ones alone."""
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
