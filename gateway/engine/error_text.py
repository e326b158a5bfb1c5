"""An engine's error text without the caller's words.

One pass over the message, without looking at the request. It keeps the words of vLLM's own messages
(error_words.toml, generated from its sources), numbers of at most six digits, and punctuation. Of
quoted texts it keeps only names of the API, such as 'tool_choice'.
"""

import re
import tomllib
from pathlib import Path

WITHHELD = "[...]"
LONGEST_MESSAGE = 2048  # an engine may quote megabytes of a request
MOST_ISLAND = 3  # words between withheld words; they may be the caller's

_LISTS = tomllib.loads(Path(__file__).with_name("error_words.toml").read_text("utf-8"))
NAMES = frozenset(_LISTS["names"].split()) | {"True", "False", "None"}
WORDS = NAMES | frozenset(_LISTS["words"].split()) | {"a"}

# Python writes an error of pydantic as {'type': ..., 'loc': ..., 'msg': ..., 'input': ...}. A
# quoted text with a space in it extends to the last such quote, or to the end, since it may contain
# quotes. Each alternative consumes what it has read, so the time is linear.
PIECE = re.compile(
    r"""
    (?P<finding>'(?:msg|type|loc)':\ (?P<mark>['"]))(?P<text>(?:(?!(?P=mark))[^\\]|\\.)*+)(?P=mark)
    |(?P<input>'(?:input|ctx)':\ ).*?(?=,\ '(?:ctx|url)':|\},?\s*\{'type'|\}\n|\Z)
    |(?P<value>\[?input(?:_value)?=|\bvalue=(?!-?\d)).*
    |(?P<link>,\ 'url':\ 'https://[^\s']*')
    |(?P<plural>\(s\))
    |(?P<quoted>(?<!\w)(?P<quote>['"`])(?:[^\s'"`]{0,64}+(?P=quote)(?!\w)|.*(?P=quote)(?!\w)|.*))
    |(?P<word>[^\W\d]\w*(?:'[a-z]{1,2}\b|(?:[-/:.]\d\w*)++)?)
    |(?P<number>\d\w*(?:[-/:.\ ]\d\w*)*+(?:,\ ?\d+)*+)
    |(?P<other>[^\x00-\x7f]+)
    """,
    re.VERBOSE | re.DOTALL,
)
SHOWN_WORD = re.compile(r"(\w+)(?:'[a-z]{1,2}|[-/:.]\d{1,6})?")
NUMBERS = re.compile(r"\d{1,6}(?:\.\d{1,6})?(?:, ?\d{1,6}){0,8}")
NAME = re.compile(r"[\w.\-=\[\]]+")
MARK = re.compile(r"[!-/:-@\[-^{-~]{1,3}")
PARTS = re.compile(r"[^\W\d]\w*")
BRACKET = re.compile(r"'.'|[\[\](){}]")
CLOSING = {"(": ")", "[": "]", "{": "}"}
ISLAND = re.compile(
    rf"(?:{re.escape(WITHHELD)}(?: \w++){{0,{MOST_ISLAND}}} ?)+(?={re.escape(WITHHELD)})"
)


def redact(message: str) -> str:
    """Return a message without words that are not the engine's own; of its first characters only,
    in linear time: 3 ms."""
    shown = PIECE.sub(redact_piece, message[:LONGEST_MESSAGE])
    shown = ISLAND.sub("", shown)
    return close_brackets(shown + WITHHELD if len(message) > LONGEST_MESSAGE else shown)


def close_brackets(shown: str) -> str:
    """Return a message with the brackets closed whose ends were withheld; not quoted ones."""
    missing: list[str] = []
    for mark in BRACKET.findall(shown):
        if mark in CLOSING:
            missing.append(CLOSING[mark])
        elif missing and mark == missing[-1]:
            missing.pop()
    return shown + "".join(reversed(missing))


def redact_piece(match: re.Match[str]) -> str:
    """Return a piece of a message, with the caller's words withheld."""
    if match["finding"]:
        text = match["text"].replace("\\'", "'").replace('\\"', '"')
        return match["finding"] + PIECE.sub(redact_piece, text) + match["mark"]
    if match["input"] or match["value"]:
        return (match["input"] or match["value"]) + WITHHELD
    if match["link"]:  # to pydantic's documentation of the error
        return ""
    return match.group() if is_shown(match) else WITHHELD


def is_shown(match: re.Match[str]) -> bool:
    """Return whether a quoted text, a word or a number is the engine's own."""
    if quoted := match["quoted"]:
        return is_name(quoted[1:-1]) or bool(MARK.fullmatch(quoted[1:-1]))
    if match["word"]:
        word = SHOWN_WORD.fullmatch(match["word"])
        return word is not None and word[1] in WORDS
    return bool(match["plural"] or NUMBERS.fullmatch(match["number"] or ""))


def is_name(text: str) -> bool:
    """Return whether a quoted text is a name of the API, the path of a field, or a flag."""
    if not NAME.fullmatch(text):
        return False
    known = WORDS if text.startswith("--") else NAMES
    parts = PARTS.findall(text)
    return bool(parts) and all(part in known for part in parts)
