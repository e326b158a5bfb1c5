"""A model's facts by its name: folder, adapter, GGUF file, hub cache or known family."""

import json
import reprlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from launcher.errors import HubUnavailable, MissingPackage, ModelError
from launcher.json_types import Json
from launcher.models import (
    adapter_config,
    adapter_shapes,
    architectures,
    families,
    gguf_header,
    hub_client,
    mistral_config,
    open_json,
    snapshot,
    wanted_files,
    weights,
)
from launcher.models import draft as drafts
from launcher.models.architectures import EMBEDDER, is_pooling, unknown_type
from launcher.models.config import from_config, gguf_config
from launcher.models.facts import AdapterFacts, DraftFacts, ModelFacts
from launcher.models.hub_client import Listing
from launcher.models.numbers import positive
from launcher.models.snapshot import Snapshot
from launcher.models.wanted_files import shards_of, wanted
from launcher.models.weights import MERGE_RECORD
from launcher.settings import LauncherSettings, hub_cache, is_offline

# By general.file_type; the others have 4 bits, more or less.
GGUF_BITS: Final = {"0": 32, "1": 16, "7": 8, "8": 5, "9": 5, "10": 2, "18": 6, "32": 16}
DESCRIBED: Final = ("config.json", "adapter_config.json", mistral_config.FILE)
ALL: Final = ("all of its files",)


@dataclass(frozen=True, slots=True)
class Description:
    """A folder with what describes a model, what the engine is given, and what is missing of it."""

    folder: Path
    source: str
    revision: str | None = None
    missing: tuple[str, ...] = ()
    is_checked: bool = True
    weight_bytes: int | None = None


def read_model(
    settings: LauncherSettings, *, hub: Path | None = None, ask_hub: bool = False
) -> ModelFacts:
    """Facts of the configured model; raises ModelError when nothing here knows it.

    With `ask_hub`, what is not in the hub's cache is asked for there: HubError, HubUnavailable.
    """
    facts = _read(settings, hub or hub_cache(), ask_hub=ask_hub)
    if draft := drafts.named(settings.engine_args):
        return replace(facts, draft=_draft(draft, hub or hub_cache(), ask_hub))
    return replace(facts, draft=drafts.own(facts)) if drafts.is_own(settings.engine_args) else facts


def _draft(name: str, cache: Path, ask_hub: bool) -> DraftFacts:
    with _described(name, cache, None, ask_hub=ask_hub) as found:
        if found is None:
            raise ModelError(offline(name, ()))
        size = found.weight_bytes or weights.size(found.folder)
        if size is None:
            raise ModelError(f"The draft model {name} has no weights: give a whole folder.")
        config = _json(found.folder / "config.json")
        return drafts.from_config(name, config, size, found.missing)


def _read(settings: LauncherSettings, cache: Path, *, ask_hub: bool) -> ModelFacts:
    name = settings.model
    with _described(name, cache, settings.reasoner_revision, ask_hub=ask_hub) as found:
        adapter = _adapter(name, found, settings.reasoner_revision)
        if adapter is None:
            return replace(_base(name, found, settings.reasoner_revision), id=public_id(name))
    base = settings.base_model or families.original(adapter.base)
    if not base:
        raise ModelError(f"The adapter {name} does not name its base; set MMHIE_BASE_MODEL.")
    with _described(base, cache, settings.base_revision, ask_hub=ask_hub) as below:
        facts = _base(base, below, settings.base_revision)
    folder = Path(adapter.source)
    adapter_shapes.check(folder, facts)
    shown = replace(adapter, base=public_id(base), modules=adapter_shapes.modules(folder))
    return replace(facts, id=public_id(name), adapter=shown)


def read_made(model: ModelFacts, folder: Path) -> ModelFacts:
    """Facts of the checkpoint that was made from this model, in this folder."""
    was_gguf = model.format == "gguf" or model.source == families.EMBEDDED
    made = _from_folder(folder, str(folder))
    adapter = made.adapter
    if adapter and model.adapter:
        adapter = replace(adapter, revision=model.adapter.revision)
    made = replace(made, id=model.id, draft=model.draft, revision=model.revision, adapter=adapter)
    return replace(made, dequantized=was_gguf)


def public_id(name: str) -> str:
    """The model's name for clients: a hub id as it is, a path by its last part only."""
    path = Path(name).expanduser()
    return path.resolve().name if path.exists() or path.is_absolute() else name


@contextmanager
def _described(
    name: str, cache: Path, revision: str | None, *, ask_hub: bool
) -> Iterator[Description | None]:
    """Find a model's description: in a folder, in the hub's cache, or, if asked, at the hub."""
    path = _path(name)
    if path.is_dir():
        weights.check_lengths(path)
        yield Description(path, str(path), missing=weights.missing(path))
    elif name == families.EMBEDDED or path.suffix == ".gguf" or path.is_absolute():
        yield None
    elif found := _cached(name, snapshot.find(cache, name, revision)):
        yield found
    elif listing := _listing(name, revision) if ask_hub else None:
        _check_is_model(listing)
        with hub_client.description(listing) as folder:
            size = wanted_files.weight_bytes(wanted(listing, shards_of(listing)))
            commit, repository = listing.commit, snapshot.repository(cache, name)
            # the engine takes a base's revision as an option, and an adapter's in the path only
            is_adapter = listing.has("adapter_config.json")
            source = str(Snapshot(repository, commit).folder) if is_adapter else name
            yield Description(folder, source, commit, ALL, weight_bytes=size)
    else:
        yield None


def _path(name: str) -> Path:
    """The path that this name may be; ModelError for one that can be none."""
    try:
        path = Path(name).expanduser()
        path.is_dir()
    except (OSError, RuntimeError):
        raise ModelError(f"{reprlib.repr(name)} is no name of a model: correct it.") from None
    return path


def _check_is_model(listing: Listing) -> None:
    """Raise ModelError for a repository that nothing describes."""
    if any(listing.has(name) for name in DESCRIBED):
        return
    _refuse_gguf(listing.name, (file.path for file in listing.files))
    raise ModelError(f"{listing.name} has no config.json, so it is not a model: give another.")


def _refuse_gguf(name: str, paths: Iterable[str]) -> None:
    """Raise ModelError for several models, of which one has to be chosen."""
    if any(path.endswith(".gguf") for path in paths):
        raise ModelError(
            f"{name} holds GGUF files and no config.json: set MMHIE_REASONER_MODEL to the path of "
            "one of them on this machine."
        )


def _cached(name: str, found: Snapshot | None) -> Description | None:
    """The model's facts from the hub's cache; ModelError when the rest may not be fetched."""
    if found is None or not any((found.folder / file).is_file() for file in DESCRIBED):
        return None
    if not (missing := weights.missing(found.folder)):
        source = str(found.folder)
        return Description(found.folder, source, found.commit, is_checked=found.is_checked)
    if is_offline():
        raise ModelError(offline(name, missing))
    return Description(found.folder, name, found.commit, missing)


def _listing(name: str, revision: str | None) -> Listing | None:
    """The model's facts from the hub; a model that is known here needs no hub for its plan."""
    try:
        return hub_client.listing(name, revision)
    except (HubUnavailable, MissingPackage):
        if name in families.CONFIGS or name in families.ADAPTERS:
            return None
        raise


def offline(name: str, missing: Sequence[str]) -> str:
    """Say that a model has to be fetched and may not be."""
    lacks = f"lacks {', '.join(missing)}" if missing else "is not in the hub cache"
    return (
        f"{name} {lacks}: run `mmhie fetch {name}` where the hub can be reached "
        "(HF_HUB_OFFLINE=0), or give a folder with its config.json and its weights."
    )


def _base(name: str, found: Description | None, revision: str | None) -> ModelFacts:
    path = Path(name).expanduser()
    if found is None and path.suffix == ".gguf":
        return _from_gguf(path)
    if found and not _is_described(found.folder) and base_of(found.folder) is not None:
        raise ModelError(f"{name} is an adapter itself: set MMHIE_BASE_MODEL to its base.")
    if found is None or not (path.is_dir() or _is_described(found.folder)):
        return _from_family(name, revision)
    facts = _from_folder(found.folder, found.source)
    return replace(
        facts,
        local=found.source != name or path.is_dir(),
        revision=found.revision,
        missing=found.missing,
        is_checked=found.is_checked,
        weight_bytes=found.weight_bytes or facts.weight_bytes,
    )


def _is_described(folder: Path) -> bool:
    return any((folder / file).is_file() for file in ("config.json", mistral_config.FILE))


def _from_family(name: str, revision: str | None) -> ModelFacts:
    config = families.CONFIGS.get(name)
    if config is None and Path(name).expanduser().is_absolute():
        raise ModelError(f"There is no {name}; give a folder with a config.json, or a hub id.")
    if config is None:
        raise ModelError(offline(name, ()))
    facts = from_config(config, source=name)
    missing = () if name == families.EMBEDDED else ALL
    return replace(facts, revision=revision, missing=missing)


def _from_folder(folder: Path, source: str) -> ModelFacts:
    config = _json(folder / "config.json")
    is_mistral = not config or weights.is_mistral(folder)
    if is_mistral and (params := _json(folder / mistral_config.FILE)):
        return _from_mistral(folder, source, params)
    if not config:
        _refuse_gguf(source, (file.name for file in folder.glob("*.gguf")))
        found = (folder / "config.json").is_file()
        what = "an empty config.json" if found else "no config.json"
        raise ModelError(f"{source} has {what}, so it is not a model folder: give another.")
    _check_layout(folder, source, config)
    if not config.get("quantization_config"):
        config = {**config, **_by_modelopt(folder)}
    facts = from_config(config, source=source, template=chat_template(folder))
    return replace(
        facts,
        local=True,
        weight_bytes=weights.size(folder),
        has_copies=weights.has_copies(folder),
        purpose=_embedder(folder) or unknown_type(config) or facts.purpose,
        adapter=_merged_adapter(folder),
    )


def _check_layout(folder: Path, source: str, config: Json) -> None:
    """Raise ModelError for weights that the engine cannot read by a config.json."""
    if weights.is_mistral(folder) and architectures.name(config) not in mistral_config.CLASSES:
        raise ModelError(
            f"The weights of {source} are in Mistral's own layout (consolidated*.safetensors), "
            f"which vLLM reads for a {architectures.name(config)} with {mistral_config.FILE} "
            "alone: add that file, or the weights in the usual layout."
        )


def _embedder(folder: Path) -> str | None:
    return EMBEDDER if is_pooling(_content(folder / "modules.json")) else None


def _by_modelopt(folder: Path) -> Json:
    """The quantization that older versions of ModelOpt describe in a file of their own."""
    own = _json(folder / "hf_quant_config.json").get("quantization")
    if not isinstance(own, dict):
        return {}
    return {"quantization_config": {**own, "quant_method": "modelopt"}}


def _from_mistral(folder: Path, source: str, params: Json) -> ModelFacts:
    """Mistral's own layout, without a config.json beside it."""
    try:
        config = mistral_config.translated(params)
    except (AttributeError, TypeError, ValueError) as error:
        raise ModelError(f"The params.json of {source} describes no model: {error}.") from error
    facts = from_config(config, source=source, template=chat_template(folder))
    size, parser = weights.size(folder), facts.tool_parser or "mistral"
    return replace(facts, format="mistral", local=True, weight_bytes=size, tool_parser=parser)


def chat_template(folder: Path) -> str:
    """The folder's chat template, or an empty string when the model has none."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        return _read_text(file)
    named = _json(folder / "tokenizer_config.json").get("chat_template", "")
    return named if isinstance(named, str) else json.dumps(named)


def _from_gguf(path: Path) -> ModelFacts:
    if not path.is_file():
        raise ModelError(f"The file {path} does not exist; set MMHIE_REASONER_MODEL to one.")
    header = gguf_header.read(path)
    kind = str(header.get("general.architecture", ""))
    if purpose := architectures.gguf_purpose(header):
        raise ModelError(architectures.refusal(path.name, purpose, kind or "nameless"))
    facts = from_config(gguf_config(header, kind), source=str(path))
    return replace(
        facts,
        format="gguf",
        local=True,
        quantization="gguf",
        bits=GGUF_BITS.get(str(header.get("general.file_type")), 4),
        weight_bytes=sum(part.stat().st_size for part in weights.gguf_parts(path, header)),
    )


def _adapter(name: str, found: Description | None, revision: str | None) -> AdapterFacts | None:
    config = _json(found.folder / "adapter_config.json") if found else {}
    if found and config:
        facts = adapter_config.from_config(config, id=public_id(name), source=found.source)
        return replace(
            facts, revision=found.revision, missing=found.missing, is_checked=found.is_checked
        )
    known = None if found else families.ADAPTERS.get(name)
    if not known:
        return None
    facts = adapter_config.from_config(known, id=name, source=name)
    return replace(facts, revision=revision, missing=ALL)


def base_of(folder: Path) -> str | None:
    """The hub id of the model an adapter's folder was trained on; None when it is no adapter."""
    base = _json(folder / "adapter_config.json").get("base_model_name_or_path")
    return families.original(str(base)) if base else None


def _merged_adapter(folder: Path) -> AdapterFacts | None:
    record = _json(folder / MERGE_RECORD)
    if not record:
        return None
    try:
        return AdapterFacts(
            id=str(record["adapter"]),
            source=str(folder),
            base=str(record["base"]),
            rank=positive("rank", record["rank"]),
            alpha=float(record["alpha"]),
            targets=tuple(record["targets"]),
            merged=True,
        )
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise ModelError(
            f"{folder / MERGE_RECORD} is no record of a merge: merge again."
        ) from error


def _json(path: Path) -> Json:
    content = _content(path)
    return content if isinstance(content, dict) else {}


def _content(path: Path) -> object:
    if not path.is_file():
        return None
    try:
        return open_json.parse(_read_text(path))
    except ValueError as error:
        raise ModelError(f"{path} is not valid JSON: fetch it again.") from error


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ModelError(f"{path} is not UTF-8: fetch it again.") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}): fetch it again.") from error
