"""Limits on one /v1 request: refused fields, and the size of others.

vLLM judges everything else. The check is one pass over the fields; each rule sees its value only.
"""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson

from gateway.api.json_structure import is_deeper
from gateway.api.paths import CHAT, COMPLETIONS, MESSAGES, RESPONSES
from gateway.errors import InvalidRequest, NotFound
from gateway.runtime.json_types import Json

LARGEST_SCHEMA_BYTES = 64 * 1024
LARGEST_TOOLS_BYTES = 512 * 1024
# vLLM looks for repetitions in Python, for every token: 0.6 ms at these limits.
REPETITION_LIMITS = {"max_pattern_size": 32, "min_pattern_size": 32, "min_count": 16}
DEEPEST = 64  # levels of a body
MOST_CHOICES = 16
MOST_ITEMS = 1024
MOST_TOOLS = 128
MOST_LOGPROBS = 20
MOST_STOPS = 16
LONGEST_STOP = 1024
MOST_IDS = 1024  # of a bias or a list of token ids
MOST_WORDS = 128
MOST_DOCUMENTS = 64
# The fields with the answer's budget that a path reads; it ignores others.
ANSWER_BUDGETS: Mapping[str, tuple[str, ...]] = {
    RESPONSES: ("max_output_tokens",),
    COMPLETIONS: ("max_tokens",),
    MESSAGES: ("max_tokens",),
}
COMPLETION_TOKENS = 16  # OpenAI's default and vLLM's
MOST_COUNT = 10**9  # more than any limit; the product of two can be written
CHAT_BUDGETS = ("max_tokens", "max_completion_tokens")
BUDGETS = (*CHAT_BUDGETS, "max_output_tokens", "min_tokens")
BY_SETTING = " (MMHIE_MAX_V1_TOKENS)"

_FIELDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
TEXT_PARTS = frozenset(_FIELDS["text_parts"])
MEDIA_NAMES = frozenset(_FIELDS["media_names"])
TEXT_ITEMS = frozenset(_FIELDS["text_items"])
OWN_TOOLS = frozenset(_FIELDS["own_tools"])
TOOL_CHOICES = frozenset(_FIELDS["tool_choices"])
TEMPLATE_INPUTS = frozenset(_FIELDS["template_inputs"])

NOT_TEXT = "has a part that is not text; images, audio, video and files are not supported"
NOT_A_MESSAGE = "has an item that is not supported; send messages, function calls and their outputs"
NOT_OWN = (
    "has a hosted tool; only function and custom tools, which the caller runs, are supported "
    "(Codex: -c 'web_search=\"disabled\"')"
)

Rule = Callable[[object], str | None]  # returns the fault of a value, or None


def refuse(reason: str) -> Rule:
    """Return the rule for an unsupported field; false and empty values count as missing."""
    return lambda value: (
        None if value in (False, [], {}) else f"is not supported here ({reason}); leave it out"
    )


def whole_number(most: int, setting: str = "") -> Rule:
    """Return the rule for whole numbers up to a limit. Engines read a negative one as "all", and
    vLLM would accept the text "1000", too."""

    def rule(value: object) -> str | None:
        if isinstance(value, int) and 0 <= value <= most:
            return None
        return f"must be a whole number from 0 to {most}{setting}"

    return rule


def at_most(most: int, what: str) -> Rule:
    """Return the rule for the size of lists and objects."""

    def rule(value: object) -> str | None:
        too_many = isinstance(value, list | dict) and len(value) > most
        return f"has more than {most} {what}" if too_many else None

    return rule


def stops(value: object) -> str | None:
    """Limit stop texts, since the engine searches for each of them at every token."""
    texts = value if isinstance(value, list) else [value]
    if len(texts) > MOST_STOPS:
        return f"has more than {MOST_STOPS} texts"
    if any(isinstance(text, str) and len(text) > LONGEST_STOP for text in texts):
        return f"has a text of more than {LONGEST_STOP} characters"
    return None


def schema(value: object) -> str | None:
    """Limit the size of a format; compiled parts have further limits (`constraints.py`)."""
    if len(orjson.dumps(value)) > LARGEST_SCHEMA_BYTES:
        return f"is over {LARGEST_SCHEMA_BYTES} bytes"
    return None


def repetition(value: object) -> str | None:
    """Limit the numbers of vLLM's repetition detection."""
    if not isinstance(value, dict):
        return "must be an object"
    for name, number in value.items():
        most = REPETITION_LIMITS.get(name)
        if most is None:
            return f"takes only {', '.join(REPETITION_LIMITS)}"
        if type(number) is not int or number > most:
            return f"has a {name} that is not a whole number of at most {most}"
    return None


def template_arguments(value: object) -> str | None:
    """Allow arguments of the model's template, but not replacing the template or its input."""
    if not isinstance(value, dict):
        return "must be an object"
    if not TEMPLATE_INPUTS.isdisjoint(value):
        return "may not replace the template or its input"
    if not all(isinstance(each, str | int | float | bool | None) for each in value.values()):
        return "takes texts, numbers and true or false only"
    return None


def fault_of_items(value: object) -> str | None:
    """Return the fault of messages or of a response's input, or None."""
    if not isinstance(value, list):
        return None
    if len(value) > MOST_ITEMS:
        return f"has more than {MOST_ITEMS} items"
    for item in value:
        if isinstance(item, dict):
            wrong = fault_of_item(item)
            if wrong is not None:
                return wrong
    return None


def fault_of_item(item: Json) -> str | None:
    """Return the fault of an item: a message, a call, its output, or reasoning."""
    if not is_one_of(item.get("type", "message"), TEXT_ITEMS):
        return NOT_A_MESSAGE
    for name in ("content", "output", "summary"):
        parts = item.get(name)
        if parts is None or isinstance(parts, str):
            continue
        if not isinstance(parts, list) or not all(map(is_text, parts)):
            return NOT_TEXT
    return None


def fault_of_prompt(value: object) -> str | None:
    """Allow texts and token ids; llama.cpp also reads objects, with media and unscreened text."""
    prompts = value if isinstance(value, list) else [value]
    return NOT_TEXT if any(isinstance(prompt, dict) for prompt in prompts) else None


def is_text(part: object) -> bool:
    """Return whether a part is text, thinking, a tool call, or a result that consists of text."""
    if not isinstance(part, dict):
        return isinstance(part, str)
    if not is_one_of(part.get("type"), TEXT_PARTS) or has_media(part):
        return False
    inner = part.get("content")
    return not isinstance(inner, list) or all(map(is_text, inner))


def has_media(part: Json) -> bool:
    """Return whether a part has media; some clients send null for all other fields."""
    return not MEDIA_NAMES.isdisjoint(part) and any(
        part[name] is not None for name in MEDIA_NAMES & part.keys()
    )


def is_one_of(kind: object, kinds: frozenset[str]) -> bool:
    return isinstance(kind, str) and kind in kinds


def fault_of_tools(value: object) -> str | None:
    """Return the fault of tools, or None: hosted tools would send text of patients elsewhere."""
    if not isinstance(value, list):
        return None
    if len(value) > MOST_TOOLS:
        return f"has more than {MOST_TOOLS} tools"
    if len(orjson.dumps(value)) > LARGEST_TOOLS_BYTES:
        return f"is over {LARGEST_TOOLS_BYTES} bytes"
    return None if all(map(is_own, value)) else NOT_OWN


def is_own(tool: object) -> bool:
    """Return whether the caller runs this tool, and all tools of a namespace."""
    if not isinstance(tool, dict) or not is_one_of(tool.get("type", "function"), OWN_TOOLS):
        return False
    nested = tool.get("tools")
    return nested is None or (isinstance(nested, list) and all(map(is_own, nested)))


def own_choice(value: object) -> str | None:
    """Allow only tools that the caller runs in a tool choice."""
    if not isinstance(value, dict):
        return None
    tools = value.get("tools")
    named = [value, *tools] if isinstance(tools, list) else [value]
    kinds = (choice.get("type") for choice in named if isinstance(choice, dict))
    return None if all(kind is None or is_one_of(kind, TOOL_CHOICES) for kind in kinds) else NOT_OWN


choices = whole_number(MOST_CHOICES)
logprobs = whole_number(MOST_LOGPROBS)

RULES: Mapping[str, Rule] = {
    "n": choices,
    "best_of": choices,
    "logprobs": logprobs,
    "top_logprobs": logprobs,
    "prompt_logprobs": logprobs,
    "messages": fault_of_items,
    "input": fault_of_items,
    "prompt": fault_of_prompt,
    "tools": fault_of_tools,
    "tool_choice": own_choice,
    "repetition_detection": repetition,
    "stop": stops,
    "bad_words": at_most(MOST_WORDS, "words"),
    "logit_bias": at_most(MOST_IDS, "tokens"),
    "stop_token_ids": at_most(MOST_IDS, "tokens"),
    "allowed_token_ids": at_most(MOST_IDS, "tokens"),
    "logprob_token_ids": at_most(MOST_WORDS, "tokens"),
    "documents": at_most(MOST_DOCUMENTS, "documents"),
    "response_format": schema,
    "structured_outputs": schema,
    "text": schema,
    "output_config": schema,
    "chat_template_kwargs": template_arguments,
    **{name: refuse(reason) for name, reason in _FIELDS["refused"].items()},
}
CHAT_RULES = {**RULES, "echo": refuse("the answer would begin with your own text")}
# For Anthropic's API.
MESSAGES_RULES: Mapping[str, Rule] = {
    **RULES,
    "system": lambda value: fault_of_item({"content": value}),
    "stop_sequences": stops,
    **{name: refuse(reason) for name, reason in _FIELDS["refused_in_messages"].items()},
}


def rules_for(path: str) -> Mapping[str, Rule]:
    if path == CHAT:
        return CHAT_RULES
    return MESSAGES_RULES if path.startswith(MESSAGES) else RULES


def check(
    body: bytes, parsed: Json, most_tokens: int | None, rules: Mapping[str, Rule] = RULES
) -> None:
    """Raise InvalidRequest for a field that is over its limit or not supported, NotFound for an
    earlier response. Takes linear time; the depth is that of at most 30,000 brackets."""
    if body.count(b"{") + body.count(b"[") > DEEPEST and is_deeper(body, DEEPEST):
        raise InvalidRequest(f"The body is nested over {DEEPEST} deep.")
    check_fields(parsed, rules)
    if most_tokens is not None:
        budgets = {name: parsed[name] for name in BUDGETS if name in parsed}
        check_fields(budgets, dict.fromkeys(budgets, whole_number(most_tokens, BY_SETTING)))
    check_batch(parsed)


def check_fields(parsed: Json, rules: Mapping[str, Rule]) -> None:
    """Raise the error of the first field that breaks its rule; null counts as missing."""
    for name, value in parsed.items():
        rule = rules.get(name)
        if rule is None or value is None:
            continue
        wrong = rule(value)
        if wrong is not None:
            kind = NotFound if name == "previous_response_id" else InvalidRequest  # as vLLM has it
            raise kind(f"{name} {wrong}.", param=name)


def check_batch(parsed: Json) -> None:
    """Limit the answers of a text completion: its prompts times `n`."""
    if count_answers(parsed) > MOST_CHOICES:
        raise InvalidRequest(
            f"prompt and n ask for more than {MOST_CHOICES} answers.", param="prompt"
        )


def count_answers(parsed: Json) -> int:
    prompt = parsed.get("prompt")
    is_batch = isinstance(prompt, list) and prompt and not isinstance(prompt[0], int)
    each = (read_count(parsed.get(name)) or 1 for name in ("n", "best_of"))
    return max(each) * (len(prompt) if isinstance(prompt, list) and is_batch else 1)


def read_count(value: object) -> int | None:
    """Return a number up to `MOST_COUNT` as vLLM reads it, which accepts "1000"; None for others.
    To llama.cpp, -1 means no limit."""
    try:
        number = int(value)  # type: ignore[call-overload] # any JSON value
    except (TypeError, ValueError, OverflowError):
        return None
    return min(number, MOST_COUNT) if number >= 0 else None


def answer_budget(path: str, parsed: Json) -> int | None:
    """Return the tokens that a request allows for one answer; None without a limit."""
    names = ANSWER_BUDGETS.get(path, CHAT_BUDGETS)
    budgets = [read_count(parsed[name]) for name in names if parsed.get(name) is not None]
    return None if None in budgets else max(budgets, default=None)  # type: ignore[type-var] # no None


def default_budget(path: str, parsed: Json, most: int | None) -> Json:
    """Return the answer's budget if there is a cap and the caller sets no budget.

    vLLM would use the rest of the context, or 16 tokens for text completions, for which llama.cpp
    has no limit either.
    """
    if most is None or answer_budget(path, parsed) is not None:
        return {}
    name = ANSWER_BUDGETS.get(path, CHAT_BUDGETS)[0]
    return {name: min(most, COMPLETION_TOKENS) if path == COMPLETIONS else most}
