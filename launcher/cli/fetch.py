"""`mmhie fetch`: weights from the model hub into its cache, without the copies, digests checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from launcher.cli.output import AsJson, put
from launcher.errors import LauncherError, MissingPackage
from launcher.models import digests, resolve, weights
from launcher.models.families import EMBEDDED
from launcher.settings import load

# The base's repository holds its weights three times: 27 GB that vLLM does not read.
COPIES = ("original/*", "metal/*")

Name = Annotated[str | None, typer.Argument(help="Hub id; default: MMHIE_REASONER_MODEL.")]
Revision = Annotated[str | None, typer.Option(help="Commit, branch or tag.")]


class FetchError(LauncherError):
    """The hub cannot be reached, or what came is not what it should be."""


def fetch(name: Name = None, revision: Revision = None, as_json: AsJson = False) -> None:
    """Download a model, and its base if it is an adapter; resume an interrupted download."""
    settings = load(os.environ)
    name = name or settings.model
    folder = fetched(name, revision or settings.reasoner_revision)
    named = resolve.base_of(folder)
    base = named and (settings.base_model or named)
    if base and not Path(base).expanduser().exists():
        fetched(base, None)
    put(str(folder), {"folder": str(folder), "base": base}, as_json=as_json)


def fetched(name: str, revision: str | None) -> Path:
    """The folder of the model, downloaded and verified, or where it already lies on this machine.

    Raises FetchError or MissingPackage.
    """
    if name == EMBEDDED:
        return weights.embedded_file()
    if Path(name).expanduser().exists():
        return Path(name).expanduser()
    folder = download(name, revision)
    verify(folder)
    return folder


def download(name: str, revision: str | None) -> Path:
    """The folder of the snapshot; raises FetchError or MissingPackage."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError:
        raise MissingPackage(
            "huggingface_hub is not installed; it comes with the engine: run `make run` once."
        ) from None
    try:
        return Path(snapshot_download(name, revision=revision, ignore_patterns=list(COPIES)))
    except HFValidationError:
        raise FetchError(
            f"{name} is neither on this machine nor a hub id such as openai/gpt-oss-20b."
        ) from None
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise FetchError(
            f"{name} cannot be fetched from the hub ({type(error).__name__}): check the name, the "
            "network and, for a closed model, HF_TOKEN."
        ) from None


def verify(folder: Path) -> None:
    """Compare every large file with the digest the hub gave it; a wrong one is removed."""
    known = digests.recorded([file for file in sorted(folder.rglob("*")) if file.is_file()])
    total = sum(file.stat().st_size for file in known)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("Checking digests", total=total)
        wrong = digests.damaged(known, lambda size: progress.advance(task, size))
    for file in wrong:
        file.resolve().unlink()
    if wrong:
        raise FetchError(
            "A file was damaged on its way and has been removed; run the command again."
        )
