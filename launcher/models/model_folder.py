"""Facts of a model that lies in a folder of this machine, in any of the layouts that vLLM reads."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final, NoReturn

from launcher.errors import ModelError
from launcher.json_types import Json, parse_foreign
from launcher.models import families, gguf_header, purpose, weights
from launcher.models.config import from_config, gguf_config
from launcher.models.entries import positive
from launcher.models.facts import AdapterFacts, ModelFacts
from launcher.models.weights import MERGE_RECORD

# By general.file_type; the others have 4 bits, more or less.
GGUF_BITS: Final = {"0": 32, "1": 16, "7": 8, "8": 5, "9": 5, "10": 2, "18": 6, "32": 16}


def refuse(name: str, paths: Iterable[str]) -> NoReturn:
    """Raise ModelError for files without a config.json; of several GGUF files one is to be set."""
    if any(path.endswith(".gguf") for path in paths):
        raise ModelError(
            f"{name} holds GGUF files and no config.json: set MMHIE_REASONER_MODEL to the path of "
            "one of them on this machine."
        )
    raise ModelError(
        f"{name} has no config.json, or an empty one, so it is no model: give another."
    )


def read(folder: Path, source: str) -> ModelFacts:
    config = entries_of(folder / "config.json")
    if not config:
        refuse(source, (file.name for file in folder.glob("*")))
    facts = from_config(config, source=source, template=chat_template(folder))
    return replace(
        facts,
        local=True,
        weight_bytes=weights.size(folder),
        purpose=purpose.embedder(_content(folder / "modules.json")) or facts.purpose,
        adapter=_merged_adapter(folder),
    )


def chat_template(folder: Path) -> str:
    """The folder's chat template, or an empty string when the model has none."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        return _read_text(file)
    named = entries_of(folder / "tokenizer_config.json").get("chat_template", "")
    return named if isinstance(named, str) else json.dumps(named)


def read_gguf(path: Path) -> ModelFacts:
    if not path.is_file():
        raise ModelError(f"The file {path} does not exist; set MMHIE_REASONER_MODEL to one.")
    header = gguf_header.read(path)
    kind = str(header.get("general.architecture", ""))
    if (holds := header.get("general.type", "model")) != "model":
        what = f"a GGUF file with no model but of type {holds}"
        raise ModelError(purpose.refusal(path.name, what, kind or "nameless"))
    facts = from_config(gguf_config(header, kind), source=str(path))
    return replace(
        facts,
        format="gguf",
        local=True,
        quantization="gguf",
        bits=GGUF_BITS.get(str(header.get("general.file_type")), 4),
        weight_bytes=sum(part.stat().st_size for part in weights.gguf_parts(path, header)),
    )


def base_of(folder: Path) -> str | None:
    """The hub id of the model an adapter's folder was trained on; None when it is no adapter."""
    base = entries_of(folder / "adapter_config.json").get("base_model_name_or_path")
    return families.original(str(base)) if base else None


def _merged_adapter(folder: Path) -> AdapterFacts | None:
    record = entries_of(folder / MERGE_RECORD)
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


def entries_of(path: Path) -> Json:
    content = _content(path)
    return content if isinstance(content, dict) else {}


def _content(path: Path) -> object:
    if not path.is_file():
        return None
    try:
        return parse_foreign(_read_text(path))
    except ValueError as error:
        raise ModelError(f"{path} is not valid JSON: fetch it again.") from error


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ModelError(f"{path} is not UTF-8: fetch it again.") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}): fetch it again.") from error
