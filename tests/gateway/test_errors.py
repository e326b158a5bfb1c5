"""The tree of errors: each leaf has a status, a code and a meaning."""

import re
from collections.abc import Iterator
from http import HTTPStatus

import orjson
import pytest

from gateway import errors
from gateway.errors import (
    EmbeddingsNotServed,
    FeedbackNotTaken,
    GatewayError,
    RequestError,
    ServiceError,
)


def below(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    for leaf in kind.__subclasses__():
        if leaf.__module__ == errors.__name__:
            yield leaf
            yield from below(leaf)


LEAVES = [leaf for leaf in below(GatewayError) if leaf not in (RequestError, ServiceError)]


@pytest.mark.parametrize("leaf", LEAVES)
def test_a_leaf(leaf: type[GatewayError]) -> None:
    """4xx is the caller's, 5xx ours; the drawing shows the same status and code as the class."""
    HTTPStatus(leaf.status)
    assert leaf.status < 500 if issubclass(leaf, RequestError) else leaf.status >= 500
    assert re.fullmatch("[a-z_]+", leaf.code)
    assert leaf.__doc__
    drawn = rf"[├└] {leaf.__name__} +{leaf.status} {leaf.code}\b"
    assert re.search(drawn, errors.__doc__ or "")


def test_the_shape() -> None:
    """OpenAI clients can parse it; Retry-After is there if waiting helps."""
    error = errors.TooBusy("Full.", param="x", retry_after_s=3)
    told = {"message": "Full.", "type": "rate_limit_error", "param": "x", "code": "too_busy"}
    assert orjson.loads(error.body()) == {"error": told}
    assert error.headers() == {"retry-after": "3"}
    assert errors.NotFound("No.").headers() == {}
    assert errors.MethodNotAllowed("No.", allow="GET").headers() == {"allow": "GET"}


@pytest.mark.parametrize("kind", [EmbeddingsNotServed, FeedbackNotTaken])
def test_what_is_not_served_is_not_tried_again(kind: type[GatewayError]) -> None:
    """The official clients retry every 5xx by default."""
    assert kind("no").headers() == {"x-should-retry": "false"}
