"""Programs that each speak for one client; they run in that client's own environment.

A driver reads the name of a case from a line of its input and writes what came of it as a line of
JSON, until its input ends. It stays alive between cases: a cancelled stream that frees the engine
does so because the client closed it.
"""

import json
from pathlib import Path
from typing import Any, Final

ASKED: Final[dict[str, Any]] = json.loads(Path(__file__).with_name("asked.json").read_text())
