"""The type of JSON objects with any fields: request bodies, engine responses, labels."""

from typing import Any

# Here and nowhere else: what is in it is another program's to decide, and read with care.
Json = dict[str, Any]
