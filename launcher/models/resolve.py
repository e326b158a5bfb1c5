"""A model's facts by its name: folder, adapter, GGUF file, hub cache or known family."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from launcher.errors import HubUnavailable, MissingPackage, ModelError
from launcher.models import (
    adapter_config,
    adapter_shapes,
    families,
    model_folder,
    weights,
)
from launcher.models.config import from_config
from launcher.models.facts import AdapterFacts, ModelFacts
from launcher.settings import LauncherSettings, hub_cache, is_offline

if TYPE_CHECKING:
    from launcher.models.hub_client import Listing

DESCRIBED: Final = frozenset({"config.json", "adapter_config.json"})
ALL: Final = ("all of its files",)


@dataclass(frozen=True, slots=True)
class Description:
    """A folder with what describes a model, what the engine is given, and what is missing of it.

    There is no folder for a GGUF file, and for a model that only its name describes.
    """

    folder: Path | None
    source: str
    revision: str | None = None
    missing: tuple[str, ...] = ()
    weight_bytes: int | None = None


def read_model(
    settings: LauncherSettings, *, hub: Path | None = None, ask_hub: bool = False
) -> ModelFacts:
    """Facts of the configured model; raises ModelError when nothing here knows it.

    With `ask_hub`, what is not in the hub's cache is asked for there: HubError, HubUnavailable.
    """
    cache, name = hub or hub_cache(), settings.model
    with _describe(name, cache, settings.reasoner_revision, ask_hub=ask_hub) as found:
        adapter = _adapter(name, found)
        if adapter is None:
            return replace(_base(name, found), id=public_id(name))
    base = settings.base_model or families.original(adapter.base)
    if not base:
        raise ModelError(f"The adapter {name} does not name its base; set MMHIE_BASE_MODEL.")
    with _describe(base, cache, settings.base_revision, ask_hub=ask_hub) as below:
        facts = _base(base, below)
    folder = Path(adapter.source)
    adapter_shapes.check(folder, facts)
    shown = replace(adapter, base=public_id(base), modules=adapter_shapes.modules(folder))
    return replace(facts, id=public_id(name), adapter=shown)


def read_made(model: ModelFacts, folder: Path) -> ModelFacts:
    """Facts of the checkpoint that was made from this model, in this folder."""
    was_gguf = model.format == "gguf" or model.source == families.EMBEDDED
    made = model_folder.read(folder, str(folder))
    adapter = made.adapter
    if adapter and model.adapter:
        adapter = replace(adapter, revision=model.adapter.revision)
    made = replace(made, id=model.id, revision=model.revision, adapter=adapter)
    return replace(made, dequantized=was_gguf)


def public_id(name: str) -> str:
    """The model's name for clients: a hub id as it is, a path by its last part only."""
    path = Path(name).expanduser()
    return path.resolve().name if path.exists() or path.is_absolute() else name


@contextmanager
def _describe(
    name: str, cache: Path, revision: str | None, *, ask_hub: bool
) -> Iterator[Description]:
    """Find a model's description: in a folder, in the hub's cache, or, if asked, at the hub."""
    path = _path(name)
    if path.is_dir():
        weights.check_lengths(path)
        yield Description(path, str(path), missing=weights.missing(path))
    elif name == families.EMBEDDED or path.suffix == ".gguf" or path.is_absolute():
        yield Description(None, name)
    elif found := _read_cached(name, find_snapshot(cache, name, revision)):
        yield found
    elif listing := _listing(name, revision) if ask_hub else None:
        # whose client takes a second to import
        from launcher.models import hub_client

        with hub_client.description(listing) as folder:
            _, size = hub_client.choose_files(listing, folder)
            # the engine takes a base's revision as an option, and an adapter's in the path only
            place = repository(cache, name) / "snapshots" / listing.commit
            source = str(place) if "adapter_config.json" in listing.paths else name
            yield Description(folder, source, listing.commit, ALL, weight_bytes=size)
    else:
        yield Description(None, name, revision, ALL)


def _path(name: str) -> Path:
    """The path that this name may be; ModelError for one that can be none."""
    try:
        path = Path(name).expanduser()
        path.is_dir()
    except (OSError, RuntimeError):
        raise ModelError(f"{reprlib.repr(name)} is no name of a model: correct it.") from None
    return path


def repository(hub: Path, name: str) -> Path:
    """Return the folder of a hub id in the hub client's cache."""
    return hub / f"models--{name.replace('/', '--')}"


def find_snapshot(hub: Path, name: str, revision: str | None) -> Path | None:
    """Return a hub id's folder in the hub's cache, named by its commit, complete or not."""
    folder = repository(hub, name)
    reference = folder / "refs" / (revision or "main")
    commit = reference.read_text().strip() if reference.is_file() else revision
    snapshot = folder / "snapshots" / (commit or "main")
    return snapshot if snapshot.is_dir() else None


def _read_cached(name: str, folder: Path | None) -> Description | None:
    """The model's facts from the hub's cache; ModelError when the rest may not be fetched."""
    if folder is None or not any((folder / file).is_file() for file in DESCRIBED):
        return None
    if not (missing := weights.missing(folder)):
        return Description(folder, str(folder), folder.name)
    if is_offline():
        raise ModelError(offline(name, missing))
    return Description(folder, name, folder.name, missing)


def _listing(name: str, revision: str | None) -> Listing | None:
    """Ask the hub; a model that is known here needs none for its plan. Raises ModelError for a
    repository that nothing describes."""
    from launcher.models import hub_client

    try:
        listing = hub_client.listing(name, revision)
    except (HubUnavailable, MissingPackage):
        if name in families.CONFIGS or name in families.ADAPTERS:
            return None
        raise
    if not listing.paths & DESCRIBED:
        model_folder.refuse(name, listing.paths)
    return listing


def offline(name: str, missing: Sequence[str]) -> str:
    """Say that a model has to be fetched and may not be."""
    lacks = f"lacks {', '.join(missing)}" if missing else "is not in the hub cache"
    return (
        f"{name} {lacks}: run `mmhie fetch {name}` where the hub can be reached "
        "(HF_HUB_OFFLINE=0), or give a folder with its config.json and its weights."
    )


def _base(name: str, found: Description) -> ModelFacts:
    path = Path(name).expanduser()
    if found.folder and _adapter(name, found) and not (found.folder / "config.json").is_file():
        raise ModelError(f"{name} is an adapter itself: set MMHIE_BASE_MODEL to its base.")
    if found.folder:
        facts = model_folder.read(found.folder, found.source)
    elif path.suffix == ".gguf":
        return model_folder.read_gguf(path)
    elif name in families.CONFIGS:
        facts = from_config(families.CONFIGS[name], source=name)
    elif path.is_absolute():
        raise ModelError(f"There is no {name}; give a folder with a config.json, or a hub id.")
    else:
        raise ModelError(offline(name, ()))
    return replace(
        facts,
        local=found.source == str(found.folder),
        revision=found.revision,
        missing=found.missing,
        weight_bytes=found.weight_bytes or facts.weight_bytes,
    )


def _adapter(name: str, found: Description) -> AdapterFacts | None:
    config = families.ADAPTERS.get(name)
    if found.folder:
        config = model_folder.entries_of(found.folder / "adapter_config.json")
    if not config:
        return None
    facts = adapter_config.from_config(config, id=public_id(name), source=found.source)
    return replace(facts, revision=found.revision, missing=found.missing)
