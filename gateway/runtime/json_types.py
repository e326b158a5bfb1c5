"""The type of JSON whose content is open: a caller's body, an engine's answer, a label."""

from typing import Any

# Here and nowhere else: what is in it is another program's to decide, and read with care.
Json = dict[str, Any]
