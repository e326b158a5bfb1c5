"""A gateway that waits a second or two for its callers, where others wait half a minute."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.contract.process import Gateway, Process

PROGRAM: Final = """
import sys
from gateway.server import limits
limits.LIMITS = limits.ConnectionLimits(header_s=2, body_s=2, keep_alive_s=2, send_s=1)
from gateway.__main__ import main
sys.exit(main())
"""


class Hasty(Gateway):
    """A process of its own, with shorter limits."""

    def begin(self, environ: Mapping[str, str], folder: Path) -> Process:
        return self.executed([sys.executable, "-c", PROGRAM], environ, folder)
