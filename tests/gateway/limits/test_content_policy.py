"""Messages and tools: what is text, and the many ways in which something else is not."""

from typing import Any

import pytest

from gateway.limits.request_policy import fault_of_items, fault_of_tools

URL = "http://169.254.169.254/latest/meta-data"
TEXT: tuple[Any, ...] = (
    "plain",
    [{"type": "text", "text": "x"}],
    [{"type": "input_text", "text": "x"}, {"type": "output_text", "text": "x", "annotations": []}],
    [{"type": "refusal", "refusal": "x"}],
    ["x", "y"],
    [],
    None,
)
OTHER: tuple[Any, ...] = (
    [{"type": "image_url", "image_url": {"url": URL}}],
    [{"type": "image_url", "image_url": "file:///etc/passwd"}],
    [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
    [{"image_url": URL}],
    [{"type": None, "video_url": URL}],
    [{"type": "text", "text": "x", "uuid": "1", "audio_url": URL}],
    [{"type": "text", "text": "x", "uuid": "1"}],
    [{"type": "input_image", "image_url": URL}],
    [{"type": "input_image", "file_id": "1"}],
    [{"type": "input_file", "file_url": URL}],
    [{"type": "file", "file": {"file_data": "x"}}],
    [{"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}}],
    [{"type": "audio_url", "audio_url": {"url": URL}}],
    [{"type": "video_url", "video_url": {"url": URL}}],
    [{"type": "image_embeds", "image_embeds": "x"}],
    [{"type": "prompt_embeds", "data": "x"}],
    [{"type": "text", "text": "x"}, {"type": "IMAGE_URL", "image_url": URL}],
    [{"type": ["text"], "text": "x"}],
    [{"text": "x"}],
    [{}],
    [5],
    {"type": "text"},
    5,
)
FIELDS = ("content", "output", "summary")


@pytest.mark.parametrize("parts", TEXT)
@pytest.mark.parametrize("name", FIELDS)
def test_text_is_taken(name: str, parts: Any) -> None:
    """In every form that clients send it in."""
    assert fault_of_items([{"role": "user", name: parts}], most=9) is None


@pytest.mark.parametrize("parts", OTHER)
@pytest.mark.parametrize("name", FIELDS)
def test_anything_else_is_not(name: str, parts: Any) -> None:
    """Nothing is fetched, opened or decoded for a caller; nor is the address repeated."""
    fault = fault_of_items([{"role": "user", "content": "x"}, {name: parts}], most=9)
    assert fault is not None
    assert "169.254" not in fault


@pytest.mark.parametrize(
    ("kind", "fine"),
    [
        ("message", True),
        ("function_call", True),
        ("function_call_output", True),
        ("reasoning", True),
        ("item_reference", False),
        ("image_generation_call", False),
        ("computer_call_output", False),
        ("mcp_call", False),
        (None, False),
        ({}, False),
    ],
)
def test_items_of_a_response(kind: Any, fine: bool) -> None:
    """Messages, calls of the caller's own tools, and what came of them."""
    assert (fault_of_items([{"type": kind}], most=9) is None) is fine


@pytest.mark.parametrize(
    ("tool", "fine"),
    [
        ({"type": "function", "function": {"name": "dose"}}, True),
        ({"function": {"name": "dose"}}, True),
        ({"type": "custom", "name": "x"}, True),
        ({"type": "mcp", "server_label": "x", "server_url": URL}, False),
        ({"type": "web_search_preview"}, False),
        ({"type": "code_interpreter", "container": {"type": "auto"}}, False),
        ({"type": "file_search"}, False),
        ({"type": ["function"]}, False),
        ("function", False),
    ],
)
def test_tools(tool: Any, fine: bool) -> None:
    """The caller runs its own; none is run here."""
    assert (fault_of_tools([tool], most=9) is None) is fine


def test_what_is_no_list_is_the_engines_to_judge() -> None:
    """Its words for it are better."""
    assert fault_of_items("a text", most=1) is None
    assert fault_of_tools("a text", most=1) is None
