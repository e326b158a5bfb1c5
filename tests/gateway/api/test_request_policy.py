"""The request policy: each rule at its limit; text, and parts that are not text."""

import json
from contextlib import nullcontext
from typing import Any

import pytest

from gateway.api.paths import CHAT
from gateway.api.request_policy import (
    BUDGETS,
    RULES,
    check,
    fault_of_items,
    fault_of_tools,
    rules_for,
)
from gateway.errors import InvalidRequest, RequestError

MOST_TOKENS = 100
CANARY = "zebrafish7731"

TURN = {"role": "user", "content": "x"}
NESTED_MCP = [{"type": "namespace", "tools": [{"type": "mcp", "server_url": CANARY}]}]
ALLOWED_MCP = {"type": "allowed_tools", "tools": [{"type": "mcp", "server_label": CANARY}]}
# Each field at its limit, and over it.
EDGES: tuple[tuple[str, Any, Any], ...] = (
    ("n", 16, 17),
    ("n", 1, "5"),
    ("best_of", 16, 17),
    ("max_tokens", 100, 101),
    ("max_tokens", 0, -1),
    ("max_completion_tokens", 100, 101),
    ("max_output_tokens", 100, "100"),
    ("min_tokens", 100, 101),
    ("logprobs", 20, 21),
    ("logprobs", True, -1),
    ("top_logprobs", 20, 21),
    ("top_logprobs", 0, -1),
    ("prompt_logprobs", 20, -1),
    ("messages", [TURN] * 1024, [TURN] * 1025),
    ("input", [TURN] * 1024, [TURN] * 1025),
    ("tools", [{"type": "function"}] * 128, [{"type": "function"}] * 129),
    ("tools", [{"type": "function"}], [{"type": "function", "function": {"x": "x" * 530_000}}]),
    ("tools", [{"type": "namespace", "tools": [{"type": "function"}]}], NESTED_MCP),
    ("tools", [{"type": "namespace", "tools": []}], [{"type": "namespace", "tools": {}}]),
    ("tool_choice", "auto", {"type": "mcp", "server_label": CANARY}),
    ("tool_choice", {"type": "function", "name": "x"}, ALLOWED_MCP),
    ("repetition_detection", {"max_pattern_size": 32, "min_count": 16}, {"max_pattern_size": 33}),
    ("repetition_detection", {"min_pattern_size": 32}, {"min_count": 10**9}),
    ("repetition_detection", {}, {"anything": 1}),
    ("stop", ["x"] * 16, ["x"] * 17),
    ("stop", "x" * 1024, "x" * 1025),
    ("bad_words", ["x"] * 128, ["x"] * 129),
    ("logit_bias", {str(n): 1 for n in range(1024)}, {str(n): 1 for n in range(1025)}),
    ("stop_token_ids", [1] * 1024, [1] * 1025),
    ("allowed_token_ids", [1] * 1024, [1] * 1025),
    ("logprob_token_ids", [1] * 128, [1] * 129),
    ("documents", [{}] * 64, [{}] * 65),
    ("response_format", {"type": "json_object"}, {"schema": "x" * 70_000}),
    ("structured_outputs", {"regex": "(a{1,9}){1,9}"}, {"regex": "x" * 70_000}),
    ("text", {"format": {"type": "text"}}, {"format": "x" * 70_000}),
    ("output_config", {"effort": "low"}, {"format": "x" * 70_000}),
    ("chat_template_kwargs", {"enable_thinking": False}, {"chat_template": CANARY}),
    ("chat_template_kwargs", {"reasoning_effort": "low"}, {"x": {"y": 1}}),
    ("background", False, True),
    ("echo", False, True),
    ("return_mm_kwargs", False, True),
    ("vllm_xargs", {}, {"x": 1}),
    *((name, None, CANARY) for name in ("chat_template", "previous_response_id", "conversation")),
    *((name, None, CANARY) for name in ("request_id", "session_id", "prompt_embeds")),
    *((name, None, {"x": CANARY}) for name in ("kv_transfer_params", "ec_transfer_params")),
    *((name, None, {"x": CANARY}) for name in ("media_io_kwargs", "mm_processor_kwargs")),
    *((name, None, {"x": CANARY}) for name in ("mm_payload", "previous_input_messages")),
    ("logits_processors", [], [CANARY]),
    ("routed_experts_prompt_start", None, 1),
    ("prompt", ["a", [1, 2]], ["a", {"prompt_string": CANARY, "multimodal_data": [CANARY]}]),
    *((name, None, 9) for name in ("n_predict", "n_cmpl", "n_probs")),
    *((name, None, CANARY) for name in ("grammar", "reasoning_format", "generation_prompt")),
    *((name, None, CANARY) for name in ("chat_format", "chat_parser")),
    *((name, None, [{"id": CANARY}]) for name in ("json_schema", "lora")),
    *((name, False, True) for name in ("cache_prompt", "verbose")),
)


def check_body(**fields: Any) -> None:
    check(json.dumps(fields).encode(), fields, MOST_TOKENS, rules_for(CHAT))


@pytest.mark.parametrize(("name", "fine", "over"), EDGES)
def test_each_edge(name: str, fine: Any, over: Any) -> None:
    """The limit itself is allowed; over it, the error names the field and quotes nothing."""
    check_body(**{name: fine})
    with pytest.raises(RequestError) as raised:
        check_body(**{name: over})
    assert raised.value.status == (404 if name == "previous_response_id" else 400)
    assert raised.value.param == name
    assert raised.value.message.startswith(name)
    assert CANARY not in raised.value.message


def test_every_rule_has_an_edge() -> None:
    """A rule without an example here fails this test."""
    assert {name for name, _, _ in EDGES} == {*RULES, *BUDGETS, "echo"}


def test_what_is_the_engines_to_judge() -> None:
    """Null, fields without a rule, and tokens without a cap, for which the context is the limit."""
    check_body(**dict.fromkeys(RULES))
    check_body(temperature="hot", colour=[1, 2])
    check(b"", {"max_tokens": 10**9}, None)


@pytest.mark.parametrize(
    ("prompt", "n", "fine"),
    [
        (["a"] * 16, None, True),
        (["a"] * 17, None, False),
        (["a"] * 6, 3, False),
        ([1] * 500, 16, True),
        ([], 16, True),
    ],
)
def test_a_batch_of_prompts(prompt: list[Any], n: int | None, fine: bool) -> None:
    """Prompts times answers count; a list of token ids is one prompt."""
    with nullcontext() if fine else pytest.raises(InvalidRequest, match="prompt and n ask"):
        check_body(prompt=prompt, n=n)


@pytest.mark.parametrize(("levels", "fine"), [(63, True), (64, False), (300, False)])
def test_depth(levels: int, fine: bool) -> None:
    """The body itself is the first level; only depth counts."""
    nested: Any = 0
    for _ in range(levels):
        nested = [nested]
    with nullcontext() if fine else pytest.raises(InvalidRequest, match="nested over 64 deep"):
        check_body(metadata=nested, tools=[{"function": {}}] * 2, wide=[[0]] * 500)


URL = "http://169.254.169.254/latest/meta-data"
TEXT: tuple[Any, ...] = (
    "plain",
    [{"type": "text", "text": "x"}],
    [{"type": "input_text", "text": "x"}, {"type": "output_text", "text": "x", "annotations": []}],
    [{"type": "refusal", "refusal": "x"}],
    [{"type": "tool_result", "content": [{"type": "text", "text": "x"}]}],
    [{"type": "text", "text": "x", "image_url": None, "file": None, "uuid": None}],
    ["x", "y"],
    [],
    None,
)
OTHER: tuple[Any, ...] = (
    [{"type": "image_url", "image_url": {"url": URL}}],
    [{"type": "image_url", "image_url": "file:///etc/passwd"}],
    [{"image_url": URL}],
    [{"type": None, "video_url": URL}],
    [{"type": "text", "text": "x", "uuid": "1", "audio_url": URL}],
    [{"type": "input_image", "file_id": "1"}],
    [{"type": "file", "file": {"file_data": "x"}}],
    [{"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}}],
    [{"type": "prompt_embeds", "data": "x"}],
    [{"type": "text", "text": "x"}, {"type": "IMAGE_URL", "image_url": URL}],
    [{"type": "image", "source": {"type": "url", "url": URL}}],
    [{"type": "tool_result", "content": [{"type": "image", "source": {"url": URL}}]}],
    [{"type": ["text"], "text": "x"}],
    [{"text": "x"}],
    [{}],
    [5],
    {"type": "text"},
    5,
)
FIELDS = ("content", "output", "summary")


@pytest.mark.parametrize("name", FIELDS)
def test_text_is_taken(name: str) -> None:
    """In every form in which clients send it."""
    for parts in TEXT:
        assert fault_of_items([{"role": "user", name: parts}]) is None, parts


@pytest.mark.parametrize("name", FIELDS)
def test_anything_else_is_not(name: str) -> None:
    """Nothing is fetched, opened or decoded for a caller, and the address is not repeated."""
    for parts in OTHER:
        fault = fault_of_items([{"role": "user", "content": "x"}, {name: parts}])
        assert fault is not None, parts
        assert "169.254" not in fault


@pytest.mark.parametrize(
    ("kind", "fine"),
    [
        ("message", True),
        ("function_call", True),
        ("reasoning", True),
        ("item_reference", False),
        ("mcp_call", False),
        (None, False),
        ({}, False),
    ],
)
def test_items_of_a_response(kind: Any, fine: bool) -> None:
    """Messages, calls of the caller's own tools, and their results."""
    assert (fault_of_items([{"type": kind}]) is None) is fine


@pytest.mark.parametrize(
    ("tool", "fine"),
    [
        ({"type": "function", "function": {"name": "dose"}}, True),
        ({"function": {"name": "dose"}}, True),
        ({"type": "custom", "name": "x"}, True),
        ({"type": "mcp", "server_label": "x", "server_url": URL}, False),
        ({"type": "web_search_preview"}, False),
        ({"type": "namespace", "tools": [{"type": "custom"}, {"type": "web_search"}]}, False),
        ("function", False),
    ],
)
def test_tools(tool: Any, fine: bool) -> None:
    """Only tools that the caller runs are allowed."""
    assert (fault_of_tools([tool]) is None) is fine
