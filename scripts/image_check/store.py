"""Images and containers of buildah, in a folder of their own."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.image_check.base import CERTIFICATES
from scripts.image_check.command import ROOT, run

# buildah's defaults exceed what a CI machine may grant.
LIMITS = ("--ulimit", "nofile=20000:20000", "--ulimit", "nproc=20000:20000")
OPTIONS = ("--isolation", "chroot", "--network", "host", "--pull=never", "--format", "docker")
SEARCHED = "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"


@dataclass(frozen=True, slots=True)
class ImageTarget:
    """One image: its Dockerfile, its name, its build stage and its start timeout."""

    file: str
    name: str
    stage: tuple[str, ...]
    start_s: float

    @property
    def has_engine(self) -> bool:
        """True for the image with vLLM."""
        return self.file == "llm"


GATEWAY = ImageTarget("gateway", "mmhie-gateway", (), 60)
CPU = ImageTarget("llm", "mmhie-llm", ("--target", "cpu", "--build-arg", "BASE=without-cuda"), 600)


@dataclass(frozen=True, slots=True)
class BuildahStore:
    """The folder of buildah's state."""

    folder: Path

    def buildah(self, *arguments: str | Path) -> str:
        """Run buildah on this store."""
        root, state = self.folder / "root", self.folder / "run"
        storage = ("--root", root, "--runroot", state, "--storage-driver", "vfs")
        return run("buildah", *storage, *arguments).strip()

    def tag_base(self, system: Path, name: str) -> None:
        """Tag a root file system as the base image."""
        container = self.buildah("from", "scratch")
        self.buildah("add", "--quiet", container, system, "/")
        pairs = (f"PATH={SEARCHED}", f"SSL_CERT_FILE={CERTIFICATES}")
        self.buildah("config", *(f"--env={pair}" for pair in pairs), container)
        self.buildah("commit", "--quiet", "--rm", container, f"localhost/{name}")

    def build(self, target: ImageTarget) -> None:
        """Build the unchanged Dockerfile on the stand-in."""
        file = ROOT / "docker" / f"{target.file}.Dockerfile"
        options = (*OPTIONS, *LIMITS, *wheels(target), *target.stage)
        self.buildah("bud", *options, "-t", target.name, "-f", file, ROOT)

    def config(self, image: str) -> dict[str, Any]:
        """Return the image's configuration."""
        inspected = json.loads(self.buildah("inspect", "--type", "image", f"localhost/{image}"))
        config: dict[str, Any] = inspected["Docker"]["config"]
        return config

    @contextlib.contextmanager
    def container(self, image: str) -> Iterator[Path]:
        """Mount the root file system of a new container."""
        name = self.buildah("from", *LIMITS, "--pull=never", f"localhost/{image}")
        try:
            yield Path(self.buildah("mount", name))
        finally:
            self.buildah("umount", name)


def wheels(target: ImageTarget) -> tuple[str, ...]:
    """Return options that replace torch's own index by the folder of PIP_FIND_LINKS."""
    folder = os.environ.get("PIP_FIND_LINKS", "")
    if not target.has_engine or not Path(folder or "none").is_dir():
        return ()
    return (f"--volume={folder}:{folder}:ro", f"--build-arg=TORCH_FROM=--find-links={folder}")
