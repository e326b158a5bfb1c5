"""Sandbox that runs an image's program as compose.yaml would: hardened, in its own file system."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A read-only root file system with writable volumes."""

    system: Path
    volumes: Mapping[str, Path]

    def command(self, config: Mapping[str, Any], inside: Sequence[str], **more: str) -> list[str]:
        """Return an argv whose process is the program itself: each step execs the next."""
        script = " && ".join((*self._mounts(), f'exec {shlex.join(self._enter(config))} "$@"'))
        environ = [*config["Env"], *(f"{name}={value}" for name, value in more.items())]
        return ["unshare", "--mount", "sh", "-c", script, "sh", *environ, *inside]

    def _mounts(self) -> list[str]:
        """Mount the root read-only, with /tmp, the volumes, /dev and /proc."""
        root = shlex.quote(str(self.system))
        binds = [
            f"mount --bind {shlex.quote(str(folder))} {root}{target}"
            for target, folder in self.volumes.items()
        ]
        return [
            f"mount --bind {root} {root}",
            f"mount --rbind /proc {root}/proc",
            f"mount --rbind /dev {root}/dev",
            f"mount --rbind /sys {root}/sys",  # read by lscpu, with which vLLM looks at the cores
            f"mount -t tmpfs tmpfs {root}/tmp",  # noqa: S108  # the image's own
            # Container engines add their own; `localhost` must resolve.
            f"touch {root}/etc/hosts",
            f"mount --bind /etc/hosts {root}/etc/hosts",
            *binds,
            f"mount -o remount,ro,bind {root}",
        ]

    def _enter(self, config: Mapping[str, Any]) -> list[str]:
        """Become the image's user, without capabilities, in a clean environment."""
        user, group = str(config["User"]).split(":")
        drop = ("--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs")
        become = ("setpriv", f"--reuid={user}", f"--regid={group}", *drop, "--")
        folder = config.get("WorkingDir") or "/"
        return ["chroot", str(self.system), *become, "env", "-i", f"--chdir={folder}"]
