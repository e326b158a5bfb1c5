"""A model's facts by its name: folder, adapter, GGUF file, hub cache or known family."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from launcher.errors import ModelError
from launcher.models import families, gguf_header
from launcher.models.config import adapter_from_config, from_config, gguf_config
from launcher.models.facts import AdapterFacts, ModelFacts
from launcher.settings import LauncherSettings, hub_cache

MERGE_RECORD: Final = "mmhie_merge.json"
GGUF_BITS: Final = {0: 32, 1: 16, 2: 4, 3: 4, 7: 8, 8: 5, 9: 5, 10: 2, 18: 6, 32: 16}


def read_model(settings: LauncherSettings, *, hub: Path | None = None) -> ModelFacts:
    """Facts of the configured model; raises ModelError when nothing here knows it."""
    name = settings.model
    hub = hub or hub_cache()
    adapter = _adapter(name, hub, settings.reasoner_revision)
    if adapter is None:
        facts = _base(name, hub, settings.reasoner_revision)
        return replace(facts, id=public_id(name))
    base = settings.base_model or families.original(adapter.base)
    if not base:
        raise ModelError(f"The adapter {name} does not name its base; set MMHIE_BASE_MODEL.")
    shown = replace(adapter, base=public_id(base))
    return replace(_base(base, hub, None), id=public_id(name), adapter=shown)


def read_made(model: ModelFacts, folder: Path) -> ModelFacts:
    """Facts of the checkpoint that was made from this model, in this folder."""
    was_gguf = model.format == "gguf" or model.source == families.EMBEDDED
    return replace(_from_folder(folder), id=model.id, dequantized=was_gguf)


def public_id(name: str) -> str:
    """The model's name for clients: a hub id as it is, a path by its last part only."""
    path = Path(name).expanduser()
    return path.resolve().name if path.exists() or path.is_absolute() else name


def _base(name: str, hub: Path, revision: str | None) -> ModelFacts:
    path = Path(name).expanduser()
    if path.suffix == ".gguf":
        return _from_gguf(path)
    if path.is_dir():
        return _from_folder(path)
    snapshot = _snapshot(name, hub, revision)
    if snapshot is not None and (snapshot / "config.json").is_file():
        return replace(_from_folder(snapshot), id=name, revision=snapshot.name)
    return _from_family(name, revision)


def _from_family(name: str, revision: str | None) -> ModelFacts:
    config = families.CONFIGS.get(name)
    if config is None and Path(name).expanduser().is_absolute():
        raise ModelError(f"There is no {name}; give a folder with a config.json, or a hub id.")
    if config is None:
        raise ModelError(
            f"{name} is neither a folder, nor in the hub cache, nor a model known here: run "
            f"`mmhie fetch {name}` first, or give a folder with its config.json."
        )
    facts = from_config(config, source=name)
    return replace(facts, revision=revision)


def _from_folder(folder: Path) -> ModelFacts:
    config = _json(folder / "config.json")
    if not config:
        found = (folder / "config.json").is_file()
        what = "an empty config.json" if found else "no config.json"
        raise ModelError(f"{folder} has {what}, so it is not a model folder: give another.")
    template = chat_template(folder)
    facts = from_config(config, source=str(folder), template=template)
    return replace(
        facts, local=True, weight_bytes=_weight_bytes(folder), adapter=_merged_adapter(folder)
    )


def chat_template(folder: Path) -> str:
    """The folder's chat template, or an empty string when the model has none."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text()
    named = _json(folder / "tokenizer_config.json").get("chat_template", "")
    return named if isinstance(named, str) else json.dumps(named)


def _weight_bytes(folder: Path) -> int | None:
    files = list(folder.glob("*.safetensors")) or list(folder.glob("pytorch_model*.bin"))
    return sum(file.stat().st_size for file in files) or None


def _from_gguf(path: Path) -> ModelFacts:
    if not path.is_file():
        raise ModelError(f"The file {path} does not exist; set MMHIE_REASONER_MODEL to one.")
    header = gguf_header.read(path)
    kind = str(header.get("general.architecture", ""))
    facts = from_config(gguf_config(header, kind), source=str(path))
    return replace(
        facts,
        format="gguf",
        local=True,
        quantization="gguf",
        bits=GGUF_BITS.get(header.get("general.file_type", -1), 4),
        weight_bytes=path.stat().st_size,
    )


def _adapter(name: str, hub: Path, revision: str | None) -> AdapterFacts | None:
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _snapshot(name, hub, revision) or folder
    config = _json(folder / "adapter_config.json")
    if config:
        return adapter_from_config(config, id=public_id(name), source=str(folder))
    known = families.ADAPTERS.get(name)
    return adapter_from_config(known, id=name, source=name) if known else None


def base_of(folder: Path) -> str | None:
    """The hub id of the model an adapter's folder was trained on; None when it is no adapter."""
    base = _json(folder / "adapter_config.json").get("base_model_name_or_path")
    return families.original(str(base)) if base else None


def _merged_adapter(folder: Path) -> AdapterFacts | None:
    record = _json(folder / MERGE_RECORD)
    if not record:
        return None
    return AdapterFacts(
        id=record["adapter"],
        source=str(folder),
        base=record["base"],
        rank=record["rank"],
        alpha=record["alpha"],
        targets=tuple(record["targets"]),
        merged=True,
    )


def _snapshot(name: str, hub: Path, revision: str | None) -> Path | None:
    """The folder of a hub id in the hub's cache, if it was ever downloaded."""
    repository = hub / f"models--{name.replace('/', '--')}"
    reference = repository / "refs" / (revision or "main")
    commit = reference.read_text().strip() if reference.is_file() else revision
    snapshot = repository / "snapshots" / (commit or "main")
    return snapshot if snapshot.is_dir() else None


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise ModelError(f"{path} is not valid JSON: fetch it again.") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}): fetch it again.") from error
    return content if isinstance(content, dict) else {}
