"""The types of JSON whose content is open: a model's files, an engine's answer, a report."""

from collections.abc import Mapping
from typing import Any

# Here and nowhere else: what is in it is another program's to decide, and read with care.
Json = dict[str, Any]
JsonView = Mapping[str, Any]  # of a reader that changes nothing
