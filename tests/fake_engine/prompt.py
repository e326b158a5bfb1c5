"""Prompts: a request's text for the model, and how many tokens (words) that is."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

TEMPLATE_TOKENS = 4


def prompt_text(body: Mapping[str, Any]) -> str:
    """Every word of a request's prompt, whichever API it came through."""
    return " ".join(parts(body))


def parts(body: Mapping[str, Any]) -> Iterator[str]:
    """The texts of messages, prompt or input, in order."""
    given = body.get("messages") or body.get("prompt") or body.get("input") or ""
    for part in [given] if isinstance(given, str) else given:
        yield from spoken_by(part)


def spoken_by(one: Any) -> Iterator[str]:
    """The texts in one message, which may be a string, a message or content parts."""
    content = one.get("content") if isinstance(one, Mapping) else one
    if isinstance(content, list):
        yield from (str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    elif isinstance(content, str):
        yield content


def words(body: Mapping[str, Any]) -> list[str]:
    """The prompt's tokens: words with the space before them, and the template's of each message."""
    spoken = re.findall(r"\s*\S+|\s+$", prompt_text(body)) or [""]
    return [*["<|turn|>"] * TEMPLATE_TOKENS * len(body.get("messages") or ()), *spoken]


def count_tokens(body: Mapping[str, Any]) -> int:
    """Prompt tokens: words, plus a fixed price per message for the template."""
    return len(words(body))
