"""The type of JSON objects with any fields: request bodies, engine responses, labels."""

from typing import Any

# The only `Any` for JSON: another program decides what is in it, so read it with care.
Json = dict[str, Any]
