"""Extract the texts of a request that the red-flag screening reads, and detect their language.

Screening reads every string that may reach the model's chat template, except the model's own
earlier output. Besides the conversation it reads all other fields that are not in `IGNORED_FIELDS`,
so that a new field of a later engine is not missed.

The language is detected by the most common words of each language, in the first characters of a
turn. It is used for a metric, and for a warning if a prompt's language is not screened.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from gateway.api import paths
from gateway.runtime.json_types import Json

Role = Literal["system", "user", "tool"]
# The fields with the conversation, by path, oldest text first.
CONVERSATIONS: Mapping[str, tuple[str, ...]] = {
    paths.GENERATE: ("history", "prompt"),
    paths.CHAT: ("messages",),
    paths.COMPLETIONS: ("prompt", "suffix"),
    paths.RESPONSES: ("input",),
    paths.MESSAGES: ("messages",),
    paths.COUNT: ("messages",),
    paths.TOKENIZE: ("messages", "prompt"),
}
# The same for any other path.
ANY_CONVERSATION = ("messages", "input", "history", "prompt")
# Fields with the application's own text, usually the same in every request.
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
# Fields that never reach the chat template: names, switches, and patterns for the answer.
IGNORED_FIELDS = frozenset(
    (
        *("model", "user", "metadata", "service_tier", "safety_identifier", "client_metadata"),
        *("prompt_cache_key", "prompt_cache_retention", "cache_salt", "request_id", "session_id"),
        *("stop", "stop_sequences", "bad_words", "logit_bias", "structured_outputs"),
        *("include", "stream_options"),
        *("tool_choice", "reasoning_effort", "truncation", "truncation_side", "modalities"),
        *("reasoning", "thinking", "verbosity", "context_management", "betas", "tokens"),
    )
)
# Fields of an item that are ignored if their value looks like an identifier.
IDENTIFIERS = frozenset(
    ("role", "type", "name", "id", "call_id", "tool_call_id", "tool_use_id", "status", "ttl")
)
# Types of items that the model wrote, which have no role.
MODEL_ITEMS = ("function_call", "custom_tool_call", "reasoning")
TEXT_TYPES = (str, list, dict)  # types of values that may contain text
IDENTIFIER = re.compile(r"[\w.:-]{1,64}")

Language = Literal["en", "de", "es", "fr", "pt", "it", "other"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
OTHER: Language = "other"
HEAD = 300  # characters that are looked at: about 45 words
TURNS_BACK = 4  # latest turns to look at: short ones ("OK", "38.5") have no clear language
FEWEST_LETTERS, FEWEST_WORDS = 3, 3  # needed to be sure of another language
LAST_LATIN = "\u024f"  # letters after it belong to other scripts
LETTERS = re.compile(r"[^\W\d_]+")
NON_LETTERS = {at: " " for at in range(128) if not chr(at).isalpha()}  # ASCII, for translate()
# The most common words of each language.
COMMON: Mapping[str, list[str]] = {
    language: words.split()
    for language, words in tomllib.loads(
        Path(__file__).with_name("languages.toml").read_text("utf-8")
    ).items()
}
# The languages of each common word.
VOTES: Mapping[str, tuple[Language, ...]] = {
    word: tuple(name for name in LANGUAGES if word in COMMON[name])
    for words in COMMON.values()
    for word in words
}


class Turn(NamedTuple):
    """One text of a request. The role is `system` for the application's text, `tool` for a tool's
    result, and `user` for any other text."""

    role: Role
    text: str


def turns_of(path: str, request: Json) -> list[Turn]:
    """Return the texts of a request that are not empty: first the application's, then those of
    other fields, then the conversation from its oldest turn. Takes linear time."""
    names = CONVERSATIONS.get(path, ANY_CONVERSATION)
    turns = [
        Turn("system", join_texts(request[name])) for name in SETTING_FIELDS if name in request
    ]
    turns += [
        Turn("user", join_texts(value))
        for name, value in request.items()
        if isinstance(value, TEXT_TYPES)
        and not (name in names or name in SETTING_FIELDS or name in IGNORED_FIELDS)
    ]
    turns += [turn for name in names for turn in split_turns(request.get(name))]
    turns.sort(key=lambda turn: turn.role != "system")  # the others stay in their order
    return [turn for turn in turns if turn.text]


def split_turns(value: object) -> Iterator[Turn]:
    """Yield the turns of a conversation; a string, or a list without objects, is one turn."""
    if not isinstance(value, list) or not any(isinstance(item, dict) for item in value):
        yield Turn("user", join_texts(value))
        return
    for item in value:
        yield read_item(item) if isinstance(item, dict) else Turn("user", join_texts(item))


def read_item(item: Json) -> Turn:
    """Return the turn of an item, without the model's own text."""
    role, kind = item.get("role"), item.get("type")
    if role in SETTING_ROLES:
        return Turn("system", join_texts(item))
    if role == "assistant":
        return Turn("tool", join_texts(select_results(item.get("content"))))
    if role is None and kind in MODEL_ITEMS:
        return Turn("user", "")
    is_tool = role in ("tool", "function") or str(kind).endswith("_call_output")
    return Turn("tool" if is_tool else "user", join_texts(item))


def select_results(blocks: object) -> list[Json]:
    """Return the tool results, which Anthropic's API allows in a message of the model."""
    if not isinstance(blocks, list):
        return []
    return [
        block for block in blocks if isinstance(block, dict) and block.get("type") == "tool_result"
    ]


def join_texts(value: object) -> str:
    """Join all strings in a value with newlines, and names that do not look like identifiers."""
    return value if isinstance(value, str) else "\n".join(iterate_texts(value))


def iterate_texts(value: object) -> Iterator[str]:
    """Yield the strings in a value in order; not recursive, as a body may be nested deeply."""
    waiting = [value]
    while waiting:
        content = waiting.pop()
        if isinstance(content, str):
            if content:
                yield content
        elif isinstance(content, list):
            waiting += reversed(content)
        elif isinstance(content, dict):
            waiting += reversed(list(iterate_parts(content)))


def iterate_parts(holder: Json) -> Iterator[object]:
    """Yield the names and values of an object, except those that look like identifiers."""
    for name, item in holder.items():
        if not IDENTIFIER.fullmatch(name):
            yield name
        is_named = name in IDENTIFIERS and isinstance(item, str)
        if not (is_named and IDENTIFIER.fullmatch(item)):
            yield item


def has_token_ids(body: Json) -> bool:
    """Return whether a prompt has token IDs, which cannot be screened. vLLM reads a list as token
    IDs unless all its items are strings; among other items, even 1.0 or "1" counts as an ID."""
    prompt = body.get("prompt")
    return isinstance(prompt, list) and not all(isinstance(each, str) for each in prompt)


def language_of(text: str) -> Language:
    """Detect the language of a text by its first characters; return `other` if it is not clear."""
    votes = Counter(chain.from_iterable(look_up_votes(split_head(text))))
    most = max(votes.values(), default=0)
    leaders = [name for name, number in votes.items() if number == most]
    return leaders[0] if len(leaders) == 1 else OTHER


def is_in_other_language(turns: Sequence[Turn]) -> bool:
    """Return whether the last turn with a clear language is in none of the supported languages."""
    texts = [turn.text for turn in turns[-TURNS_BACK:] if turn.role not in SETTING_ROLES]
    for text in reversed(texts):
        if language_of(text) != OTHER:
            return False
        if is_surely_other(split_head(text)):
            return True
    return False


def is_surely_other(words: Sequence[str]) -> bool:
    """Return whether most letters are not Latin, or the words only of other languages are more than
    twice as many as the words only of supported languages."""
    letters = "".join(words)
    if (
        len(letters) >= FEWEST_LETTERS
        and sum(letter > LAST_LATIN for letter in letters) > len(letters) / 2
    ):
        return True
    votes = look_up_votes(set(words))
    theirs = votes.count((OTHER,))
    return theirs >= FEWEST_WORDS and theirs > 2 * sum(OTHER not in vote for vote in votes)


def split_head(text: str) -> list[str]:
    """Split the first `HEAD` characters of a text into lower-case words."""
    head = text[:HEAD].lower()
    return head.translate(NON_LETTERS).split() if head.isascii() else LETTERS.findall(head)


def look_up_votes(words: Iterable[str]) -> list[tuple[Language, ...]]:
    """Return the entries of `VOTES` for those words that have one."""
    return list(filter(None, map(VOTES.get, words)))
