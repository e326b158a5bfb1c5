"""Messages and tools consist of text: nothing here is fetched, opened or decoded."""

from gateway.json_types import Json

TEXT_PARTS = frozenset(
    {
        "text",
        "input_text",
        "output_text",
        "refusal",
        "thinking",
        "reasoning_text",
        "summary_text",
    }
)
# vLLM goes by these names where a part has no type, and where it has a `uuid`.
MEDIA_NAMES = frozenset(
    {
        "image_url",
        "image_pil",
        "image_embeds",
        "input_image",
        "audio_url",
        "audio_embeds",
        "input_audio",
        "video_url",
        "video_embeds",
        "prompt_embeds",
        "file",
        "file_id",
        "file_url",
        "file_data",
        "uuid",
    }
)
# Of a Responses API input; a message may go without its type.
TEXT_ITEMS = frozenset(
    {
        "message",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "reasoning",
    }
)
OWN_TOOLS = frozenset(
    {
        "function",
        "custom",
        "namespace",
    }
)

NOT_TEXT = "has a part that is not text; images, audio, video and files are not supported"
NOT_A_MESSAGE = "has an item that is not supported; send messages, function calls and their outputs"
NOT_OWN = "has a hosted tool; only function and custom tools, which the caller runs, are supported"


def fault_of_items(value: object, *, most: int) -> str | None:
    """The problem with messages, or with the input of a response; None when there is none."""
    if not isinstance(value, list):
        return None
    if len(value) > most:
        return f"has more than {most} items (MMHIE_MAX_MESSAGES)"
    for item in value:
        if isinstance(item, dict):
            wrong = fault_of_item(item)
            if wrong is not None:
                return wrong
    return None


def fault_of_item(item: Json) -> str | None:
    """A message has `content`, the outcome of a call `output`, reasoning its `summary`."""
    if not is_one_of(item.get("type", "message"), TEXT_ITEMS):
        return NOT_A_MESSAGE
    for name in ("content", "output", "summary"):
        parts = item.get(name)
        if parts is None or isinstance(parts, str):
            continue
        if not isinstance(parts, list) or not all(map(is_text, parts)):
            return NOT_TEXT
    return None


def is_text(part: object) -> bool:
    if not isinstance(part, dict):
        return isinstance(part, str)
    return is_one_of(part.get("type"), TEXT_PARTS) and MEDIA_NAMES.isdisjoint(part)


def is_one_of(kind: object, kinds: frozenset[str]) -> bool:
    return isinstance(kind, str) and kind in kinds


def fault_of_tools(value: object, *, most: int) -> str | None:
    """Hosted tools would make the engine call others, with a patient's words."""
    if not isinstance(value, list):
        return None
    if len(value) > most:
        return f"has more than {most} tools (MMHIE_MAX_TOOLS)"
    return None if all(map(is_own, value)) else NOT_OWN


def is_own(tool: object) -> bool:
    return isinstance(tool, dict) and is_one_of(tool.get("type", "function"), OWN_TOOLS)
