"""Shapes that the embedded model's engine answers."""

from typing import Final

from tests.compatibility.shape import (
    CALLS,
    LAST_USAGE,
    SAY,
    STOPPED,
    STREAM,
    USAGE,
    USAGES,
    WHOLE,
    answers,
    chat,
    offered,
    text,
)
from tests.compatibility.tools import DRUG, FLAT_TOOL, NAMED, SCHEMA, SECOND, TOOL

TURNS: Final = [
    {"role": "system", "content": "You are terse."},
    {"role": "user", "content": "Name a colour."},
    {"role": "assistant", "content": "Blue."},
    {"role": "user", "content": "Another."},
]
PARTS: Final = [{"type": "text", "text": "Say"}, {"type": "text", "text": "hi."}]
ODD_TEXT: Final = 'Tab\t, newline\n, "quotes", \\, \u2028, \x85, é, 日本, 🫀, data: [DONE]'
DOSE: Final = {"name": "dose", "arguments": '{"drug": "ibuprofen"}'}
CALL: Final = {"id": "call_1", "type": "function", "function": DOSE}
CALLED: Final = [
    {"role": "user", "content": "What is the dose of ibuprofen?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "400 mg"},
]
TWO: Final = {"n": 2, "temperature": 0.8, "seed": 5}
FORMAT: Final = {"format": {"type": "json_schema", "name": "answer", "schema": DRUG}}
STOP_KEPT: Final = {"max_tokens": 40, "stop": ["!"], "include_stop_str_in_output": True}
MARKS: Final = {"structured_outputs": {"choice": ["a < b, c <d> and <| e"]}, "max_tokens": 30}

CHATS: Final = (
    chat("greedy"),
    chat("until the end of text", {"max_tokens": 60}, shows=STOPPED),
    chat("multi-turn", {"messages": TURNS}),
    chat("developer role", {"messages": [{"role": "developer", "content": "Be kind."}, TURNS[1]]}),
    chat("content parts", {"messages": [{"role": "user", "content": PARTS}]}),
    chat("special characters", {"messages": [{"role": "user", "content": ODD_TEXT}]}),
    chat("include_usage", USAGE, forms=STREAM, shows=LAST_USAGE),
    chat("stream_options null", {"stream_options": None}),
    chat("continuous_usage_stats", USAGES, forms=STREAM, shows='"usage":{"prompt_tokens"'),
    chat("logprobs", {"logprobs": True}, shows='"logprobs":{"content":['),
    chat("top_logprobs", {"logprobs": True, "top_logprobs": 3}, shows='"top_logprobs":[{'),
    chat("n=2, seeded, include_usage", {**TWO, **USAGE}, forms=STREAM, shows='"index":1'),
    chat("stop strings", {"max_tokens": 40, "stop": ["?", "!"]}, shows=STOPPED),
    chat("include_stop_str_in_output", STOP_KEPT, shows='"stop_reason":"!"'),
    chat("ignore_eos", {"ignore_eos": True, "max_tokens": 60}, shows='"finish_reason":"length"'),
    chat("return_token_ids", {"return_token_ids": True}, shows='"prompt_token_ids":['),
    chat("prompt_logprobs", {"prompt_logprobs": 1}, forms=WHOLE, shows='"prompt_logprobs":['),
    chat("skip_special_tokens false", {"skip_special_tokens": False, "max_tokens": 60}),
    chat("stream_interval", {"stream_interval": 4, "max_tokens": 12}),
    chat("user, metadata", {"user": "u1", "metadata": {"ward": "4"}}),
    chat("json_schema", {"response_format": SCHEMA, "max_tokens": 40}, shows=STOPPED),
    chat("structured_outputs choice", {"structured_outputs": {"choice": ["yes", "no"]}}),
    chat("`<` in the answer", MARKS, shows=STOPPED, waits=True),
    chat("tools, tool_choice none", offered(TOOL, choice="none")),
    chat("tools, tool_choice auto", offered(TOOL, choice="auto")),
    chat("tools, named tool", offered(TOOL, choice=NAMED, max_tokens=60), shows=CALLS),
    chat("tools, required", offered(TOOL, SECOND, choice="required", max_tokens=80), shows=CALLS),
    chat("tool result in the messages", {"messages": CALLED, **offered(TOOL, choice="none")}),
)
TEXTS: Final = (
    text("greedy"),
    text("include_usage", USAGE, forms=STREAM, shows=LAST_USAGE),
    text("echo", {"echo": True}, shows=SAY),
    text("echo with logprobs", {"echo": True, "logprobs": 1}),
    text("prompt_logprobs", {"prompt_logprobs": 1}, forms=WHOLE, shows='"prompt_logprobs":['),
    text("several prompts", {"prompt": ["One", "Two", "Three"]}, shows='"index":2'),
    text("token ids", {"prompt": [36218, 15876, 30]}),
    text("n=2, seeded", TWO, shows='"index":1'),
    text("stop string", {"max_tokens": 40, "stop": [","]}),
    text("max_tokens 0 with echo", {"max_tokens": 0, "echo": True}),
)
RESPONSES: Final = (
    answers("greedy"),
    answers("until the end of text", {"max_output_tokens": 60}, shows='"status":"completed"'),
    answers("instructions", {"instructions": "Be brief."}),
    answers("multi-turn", {"input": TURNS}),
    answers("logprobs", {"top_logprobs": 2, "include": ["message.output_text.logprobs"]}),
    answers("json_schema", {"text": FORMAT, "max_output_tokens": 40}, shows="ibuprofen"),
    answers(
        "tools, required",
        offered(FLAT_TOOL, choice="required", max_output_tokens=60),
        shows='"function_call"',
    ),
)
