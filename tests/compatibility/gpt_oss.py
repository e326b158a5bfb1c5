"""Shapes for the gpt-oss-shaped model: what it was taught to say, and Harmony cut short."""

from typing import Any, Final

from tests.compatibility.shape import (
    CALLS,
    CANARY,
    CUT,
    STOPPED,
    STREAM,
    USAGE,
    USAGES,
    Shape,
    answers,
    chat,
    offered,
    refused,
    text,
)
from tests.compatibility.tools import SCHEMA
from tests.models import harmony

ROOM: Final = 200
SHORT_REASONING: Final = 6  # tokens of <|channel|>analysis<|message|>Short.<|end|>
TOOL: Final = {"type": "function", "function": harmony.TOOL}
FLAT_TOOL: Final = {"type": "function", **harmony.TOOL}
NAMED: Final = {"type": "function", "function": {"name": harmony.TOOL["name"]}}


def asked(name: str, question: str, body: dict[str, Any] | None = None, **how: Any) -> Shape:
    """A chat about a question the model knows."""
    turns = [{"role": "user", "content": question}]
    return chat(name, {"messages": turns, "max_tokens": ROOM, **(body or {})}, **how)


def responded(name: str, question: str, body: dict[str, Any] | None = None, **how: Any) -> Shape:
    return answers(name, {"input": question, "max_output_tokens": ROOM, **(body or {})}, **how)


FEVER, DOSE = harmony.FEVER.question, harmony.TOOL_QUESTION
SYSTEM: Final = {"role": "system", "content": harmony.SYSTEM}
SIGN: Final = {"role": "user", "content": harmony.ANAEMIA.question}
SAID: Final = [
    {"role": "user", "content": FEVER},
    {"role": "assistant", "reasoning": "Short.", "content": harmony.FEVER.answer},
    SIGN,
]
GPT_OSS: Final = (
    asked("reasoning and answer", FEVER, shows='"reasoning":"The'),
    asked("low effort", FEVER, {"reasoning_effort": "low"}, shows='"reasoning":"Short'),
    asked("include_reasoning false", FEVER, {"include_reasoning": False}, shows=STOPPED),
    asked("cut off in the reasoning", FEVER, {"max_tokens": 8}, shows=CUT),
    *(
        asked(
            f"cut off {more} tokens after the reasoning",
            FEVER,
            {"reasoning_effort": "low", "max_tokens": SHORT_REASONING + more},
            shows=CUT,
            leaks=0 < more < 5,  # inside the header of the answer's channel
        )
        for more in range(6)
    ),
    asked("reasoning only", harmony.ENDLESS.question),
    asked("channel marker inside the answer", harmony.LEAKING.question, leaks=True),
    asked("include_usage", FEVER, USAGE, forms=STREAM, shows='"choices":[]'),
    asked("continuous_usage_stats", FEVER, USAGES, forms=STREAM),
    asked("logprobs", FEVER, {"logprobs": True, "top_logprobs": 2}),
    asked("n=2, seeded", FEVER, {"n": 2, "temperature": 0.5, "seed": 1}, shows='"index":1'),
    asked("stop string", FEVER, {"stop": ["°"]}, shows=STOPPED),
    asked("json_schema", FEVER, {"response_format": SCHEMA}),
    asked("tools, tool_choice auto", DOSE, {"tools": [TOOL]}, shows=CALLS),
    asked("tools, required", DOSE, offered(TOOL, choice="required")),
    chat("system message", {"messages": [SYSTEM, SIGN], "max_tokens": ROOM}, shows=STOPPED),
    chat("reasoning in the messages", {"messages": SAID, "max_tokens": 20}, leaks=None),
    text("no Harmony on completions", {"prompt": FEVER, "max_tokens": 8}),
    responded("reasoning and answer", FEVER, shows='"type":"reasoning"'),
    *(
        responded(
            f"cut off {more} tokens after the reasoning",
            FEVER,
            {"reasoning": {"effort": "low"}, "max_output_tokens": SHORT_REASONING + more},
            shows="incomplete",
            leaks=0 < more < 5,
        )
        for more in range(6)
    ),
    responded("channel marker inside the answer", harmony.LEAKING.question, leaks=True),
    responded("cut off in the reasoning", FEVER, {"max_output_tokens": 8}, shows="incomplete"),
    responded("reasoning only", harmony.ENDLESS.question),
    responded("tools, tool_choice auto", DOSE, {"tools": [FLAT_TOOL]}, shows='"function_call"'),
    refused(chat, "reasoning_effort unknown", {"reasoning_effort": CANARY}, quotes=True),
    # The engine's "Harmony" is withheld: it is a person's name, too.
    refused(chat, "reasoning_effort none", {"reasoning_effort": "none"}, quotes=True),
)
