"""Shapes that are refused, by the embedded model's engine or by the gateway itself."""

from typing import Final

from tests.compatibility.shape import CANARY, USAGE, WHOLE, answers, chat, refused, text

LONG: Final = [{"role": "user", "content": "w " * 9000}]
PICTURE: Final = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
IMAGE: Final = [{"role": "user", "content": [PICTURE]}]
MANY_LOGPROBS: Final = {"logprobs": True, "top_logprobs": 900}
NO_SCHEMA: Final = {"type": "json_schema", "json_schema": {"name": "a"}}
NO_REGEX: Final = {"structured_outputs": {"regex": f"({CANARY}"}}
THINKING: Final = {"thinking_token_budget": 5}

REFUSED: Final = (
    refused(chat, "temperature out of range", {"temperature": -1}),
    refused(chat, "max_tokens 0", {"max_tokens": 0}),
    refused(chat, "prompt over the context", {"messages": LONG}),
    refused(chat, "greedy n=2", {"n": 2}),
    refused(chat, "messages of the wrong type", {"messages": CANARY}, quotes=True),
    refused(chat, "top_logprobs over the limit", MANY_LOGPROBS, late=True, own=True),
    refused(chat, "logit_bias for an invalid token", {"logit_bias": {CANARY: 1}}, quotes=True),
    refused(chat, "tool_choice without tools", {"tool_choice": "required"}),
    refused(chat, "response_format unknown", {"response_format": {"type": CANARY}}, quotes=True),
    refused(chat, "invalid regex", NO_REGEX, quotes=True, late=True),
    refused(chat, "stream_options without stream", USAGE, forms=WHOLE),
    refused(chat, "thinking_token_budget without a parser", THINKING, late=True),
    refused(chat, "image for a text model", {"messages": IMAGE}, own=True),
    refused(text, "token id out of range", {"prompt": [900_000]}, late=True),
    refused(text, "prompt of the wrong type", {"prompt": {"a": CANARY}}, own=True),
    refused(text, "logprobs negative", {"logprobs": -3}, own=True),
    refused(answers, "input of the wrong type", {"input": 5}, quotes=True),
    refused(answers, "background without store", {"background": True, "store": False}, own=True),
    refused(chat, "unknown model", {"model": CANARY}, status=404, own=True),
    refused(answers, "unknown model", {"model": CANARY}, status=404, own=True),
    refused(chat, "not JSON", {}, raw=b'{"messages": [', own=True, forms=WHOLE),
    refused(chat, "not an object", {}, raw=b"[1, 2]", own=True, forms=WHOLE),
)
