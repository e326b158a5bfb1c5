"""The body of every error, as /openapi.json describes it."""

from typing import Any, Final

from pydantic import BaseModel


class ErrorDetail(BaseModel):
    """An error in OpenAI's fields."""

    message: str
    type: str
    param: str | None
    code: str | int | None


class Error(BaseModel):
    """The body of a response that is an error."""

    error: ErrorDetail


# Responses that any path may give in place of its own.
ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    "default": {"model": Error, "description": "The error."}
}
