"""The text of a request that notices are looked for in."""

from collections.abc import Sequence
from typing import TypeGuard

from gateway.json_types import Json

TURNS = 3  # of the user: "could it still be meningitis?" refers to the turns before it
SETTING = ("system", "developer")
TOLD = ("user", "tool", "function")
OUTPUTS = ("function_call_output", "custom_tool_call_output")


def screened(body: Json) -> Sequence[str]:
    """Return the turns of a request of any path, oldest first: instructions and system messages,
    then the prompt, or the last turns of the user with the tool results among them."""
    setting = [content_text(body.get(name)) for name in ("instructions", "system")]
    items = conversation(body)
    if items is not None:
        setting += [content_text(item.get("content")) for item in items if is_setting(item)]
        return present(setting + [told(item) for item in recent(items)])
    return present([*setting, content_text(body.get("input") or body.get("prompt"))])


def conversation(body: Json) -> Sequence[object] | None:
    """Return the items of a conversation, if the request has one; the last item of one in
    `history` is the prompt."""
    for name in ("messages", "input"):
        if is_turns(items := body.get(name)):
            return items
    if is_turns(earlier := body.get("history")):
        return [*earlier, {"role": "user", "content": body.get("prompt")}]
    return None


def is_turns(value: object) -> TypeGuard[list[object]]:
    """Return whether this is a conversation, or a list of a conversation's items."""
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def is_setting(item: object) -> TypeGuard[Json]:
    return isinstance(item, dict) and item.get("role") in SETTING


def recent(items: Sequence[object]) -> Sequence[Json]:
    """Return the items from the user's third last turn on."""
    objects = [item for item in items if isinstance(item, dict)]
    asked = [at for at, item in enumerate(objects) if item.get("role") == "user"]
    return objects[asked[-TURNS] if len(asked) > TURNS else 0 :]


def told(item: Json) -> str:
    """Return the text of an item that tells of the patient; nothing of the model's own words."""
    if item.get("role") in TOLD:
        return content_text(item.get("content"))
    return content_text(item.get("output")) if item.get("type") in OUTPUTS else ""


def present(texts: Sequence[str]) -> Sequence[str]:
    return [text for text in texts if text]


def has_token_ids(body: Json) -> bool:
    """Return whether a prompt, or one of several, is a list of numbers, which nobody here reads."""
    prompt = body.get("prompt")
    prompts = [prompt, *prompt] if isinstance(prompt, list) else []
    return any(isinstance(one, list) and bool(one) and isinstance(one[0], int) for one in prompts)


def content_text(content: object) -> str:
    """Return the text in a message's content: a string, or a list of strings and text parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(text for part in content if (text := part_text(part)))


def part_text(part: object) -> str:
    """Return the text of a part; of a tool's result in Anthropic's API, that of its content."""
    if not isinstance(part, dict):
        return part if isinstance(part, str) else ""
    if part.get("type") == "tool_result":
        inner = part.get("content")
        parts = inner if isinstance(inner, list) else [inner]
        texts = [one.get("text") if isinstance(one, dict) else one for one in parts]
    else:
        texts = [part.get("text")]
    return "\n".join(text for text in texts if isinstance(text, str))
