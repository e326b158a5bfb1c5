"""`mmhie --version`: what is installed here."""

import platform
import sys
from importlib import metadata

from launcher.planning import installation

DISTRIBUTION = "mmhie-server"


def print_version() -> None:
    """Print the versions of this program, Python and the engine."""
    installed = installation.detect()
    engine = f"{installed.engine} {installed.version}" if installed.engine else "no engine"
    own = metadata.version(DISTRIBUTION)
    sys.stdout.write(f"mmhie {own}, Python {platform.python_version()}, {engine}\n")
