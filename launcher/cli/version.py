"""`mmhie version`: what is installed here, for a ticket or an inventory."""

import platform
from importlib import metadata

from gateway.cli.command import AsJson, put
from launcher.planning import installation

DISTRIBUTION = "mmhie-server"


def version(as_json: AsJson = False) -> None:
    """Show the versions of this program, Python and the engine; with --json, of every package."""
    installed = installation.detect()
    own = metadata.version(DISTRIBUTION)
    engine = f"{installed.engine} {installed.version}" if installed.engine else "no engine"
    text = f"mmhie {own}, Python {platform.python_version()}, {engine}"
    inventory = {
        "version": own,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "engine": {"name": installed.engine, "version": installed.version},
        "packages": packages(),
    }
    put(text, inventory, as_json=as_json)


def packages() -> dict[str, str]:
    """Return the version of every distribution in this environment, by name."""
    return dict(sorted((each.name, each.version) for each in metadata.distributions() if each.name))
