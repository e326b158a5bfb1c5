"""`mmhie fetch`: weights from the model hub into its cache, without the copies, digests checked."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from launcher import settings
from launcher.errors import LauncherError, MissingPackage

# The base's repository holds its weights three times: 27 GB that vLLM does not read.
COPIES = ("original/*", "metal/*")
SHA256 = re.compile(r"[0-9a-f]{64}")
BLOCK_BYTES = 2**22

Name = Annotated[str | None, typer.Argument(help="Hub id; default: MMHIE_REASONER_MODEL.")]
Revision = Annotated[str | None, typer.Option(help="Commit, branch or tag.")]


class FetchError(LauncherError):
    """The hub cannot be reached, or what came is not what it should be."""


def fetch(name: Name = None, revision: Revision = None) -> None:
    """Download a model; what is already there is kept, an interrupted download goes on."""
    chosen = settings.load(os.environ)
    folder = download(name or chosen.model, revision or chosen.reasoner_revision)
    verify(folder)
    sys.stdout.write(f"{folder}\n")


def download(name: str, revision: str | None) -> Path:
    """The folder of the snapshot; raises FetchError or MissingPackage."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError
    except ImportError:
        raise MissingPackage(
            "huggingface_hub is not installed; it comes with the engine: run `make run` once."
        ) from None
    try:
        return Path(snapshot_download(name, revision=revision, ignore_patterns=list(COPIES)))
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise FetchError(
            f"{name} cannot be fetched from the hub ({type(error).__name__}): check the name, the "
            "network and, for a closed model, HF_TOKEN."
        ) from None


def verify(folder: Path) -> None:
    """Compare every large file with the digest the hub gave it; a wrong one is removed.

    The hub's cache names such a file by its SHA-256; small ones by a git id, which is not one.
    """
    files = list(digested(folder))
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("Checking digests", total=sum(f.stat().st_size for f in files))
        for file in files:
            whole = hashlib.sha256()
            with file.open("rb") as opened:
                while block := opened.read(BLOCK_BYTES):
                    whole.update(block)
                    progress.advance(task, len(block))
            if whole.hexdigest() != file.name:
                file.unlink()
                raise FetchError(
                    "A file was damaged on its way and has been removed; run the command again."
                )


def digested(folder: Path) -> Iterator[Path]:
    """The files of a snapshot that are named by their SHA-256."""
    for link in sorted(folder.rglob("*")):
        blob = link.resolve()
        if blob.is_file() and SHA256.fullmatch(blob.name):
            yield blob
