"""What this needs of the machine: root, and a few of Debian's packages."""

import os
from pathlib import Path

from scripts.image_check.command import CheckError, run, say

# netavark is asked for even where no network is made.
TOOLS = {
    "buildah": "/usr/bin/buildah",
    "debootstrap": "/usr/sbin/debootstrap",
    "docker-compose": "/usr/bin/docker-compose",
    "netavark": "/usr/lib/podman/netavark",
}


def need_tools() -> None:
    """Install what is missing. Raises CheckError without root."""
    missing = [name for name, file in TOOLS.items() if not Path(file).exists()]
    if os.geteuid() != 0:
        raise CheckError("Building an image without a container engine needs root.")
    if missing:
        say(f"installing {', '.join(missing)}")
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing)
