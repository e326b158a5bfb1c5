"""Errors as callers read them."""

import pytest

from gateway.errors import (
    EmbeddingsNotServed,
    FeedbackNotTaken,
    GatewayError,
)


@pytest.mark.parametrize("kind", [EmbeddingsNotServed, FeedbackNotTaken])
def test_what_is_not_served_is_not_tried_again(kind: type[GatewayError]) -> None:
    """The official clients retry every 5xx by default."""
    assert kind("no").headers() == {"x-should-retry": "false"}
