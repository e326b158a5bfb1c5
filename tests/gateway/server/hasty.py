"""Gateways with lower limits of connections: a second or two of waiting, or few connections."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from tests.contract.process import Gateway, Process

PROGRAM: Final = """
import sys
from gateway.server import limits
limits.LIMITS = limits.ConnectionLimits(%s)
from gateway.__main__ import main
sys.exit(main())
"""


class Hasty(Gateway):
    """A process of its own, with shorter limits."""

    limits: ClassVar = "header_s=2, body_s=2, keep_alive_s=2, send_s=1"

    def begin(self, environ: Mapping[str, str], folder: Path) -> Process:
        return self.executed([sys.executable, "-c", PROGRAM % self.limits], environ, folder)


class Crowded(Hasty):
    """A process that takes eight connections."""

    limits = "connections=8"


class CrowdedHasty(Hasty):
    """The same, with shorter limits."""

    limits = f"{Crowded.limits}, {Hasty.limits}"
