"""The body of every error, for /openapi.json."""

from typing import Any, Final

from pydantic import BaseModel


class ErrorDetail(BaseModel):
    """An error with OpenAI's fields."""

    message: str
    type: str
    param: str | None
    code: str | int | None


class Error(BaseModel):
    """The body of an error response."""

    error: ErrorDetail


# Responses of any path instead of its own.
ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    "default": {"model": Error, "description": "The error."}
}
