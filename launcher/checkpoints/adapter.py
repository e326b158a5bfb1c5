"""A LoRA adapter folded into its base, shard by shard, into a folder that appears whole or not."""

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from launcher.checkpoints import lora, making, mxfp4, tensors
from launcher.checkpoints.lora import LoraPair
from launcher.checkpoints.merging import ROOM, MergeJob, job_of
from launcher.checkpoints.tensors import TensorSource
from launcher.errors import LauncherError, ModelError, PlanError
from launcher.json_types import Json, JsonView
from launcher.models import adapter_config, digests, safetensors_header, weights
from launcher.models.adapter_shapes import FILE
from launcher.models.disk import require_room
from launcher.models.facts import AdapterFacts
from launcher.models.families import Config
from launcher.models.fetch_progress import Step, make_counter, write_line
from launcher.models.model_folder import entries_of
from launcher.models.resolve import read_model
from launcher.models.safetensors_header import Tensor
from launcher.models.weights import MERGE_RECORD
from launcher.planning.served_adapter import check_kind
from launcher.settings import load

Piece = TensorSource | Tensor


def merge(job: MergeJob, step: Step) -> Path:
    """The merged checkpoint's folder, made now unless it is already there.

    Raises PlanError for what cannot be merged exactly, ModelError for broken files, NotEnoughDisk.
    """
    config = entries_of(job.adapter / "adapter_config.json")
    facts = adapter_config.from_config(config, id=job.adapter_id, source=str(job.adapter))
    check_kind(facts)
    if facts.unmergeable:
        names = ", ".join(facts.unmergeable)
        raise PlanError(
            f"The adapter {job.adapter_id} has {names} and cannot be merged exactly; set "
            "MMHIE_MERGE_ADAPTER=false to serve it unmerged, on a GPU."
        )
    record = _record(job, facts)
    with making.locked(job.target.parent, job.target.name):
        if not record.items() <= entries_of(job.target / MERGE_RECORD).items():
            _write(job, _shards(job, config), record, step)
    return job.target


def _weights(adapter: Path) -> Path:
    file = adapter / FILE
    if not file.is_file():
        raise ModelError(f"{adapter} has no {FILE}: save it as safetensors.")
    return file


def _shards(job: MergeJob, config: Config) -> dict[str, list[Piece]]:
    """The tensors of the merged checkpoint by file."""
    shards = {file.name: safetensors_header.read(file) for file in weights.shards(job.base)}
    known = {name: tensor for shard in shards.values() for name, tensor in shard.items()}
    changed = lora.pairs(config, safetensors_header.read(_weights(job.adapter)), known)
    return {name: list(_sources(job, shard, changed, known)) for name, shard in shards.items()}


def _sources(
    job: MergeJob,
    shard: Mapping[str, Tensor],
    changed: Mapping[str, LoraPair],
    known: Mapping[str, Tensor],
) -> Iterator[Piece]:
    for name, tensor in shard.items():
        if name in changed:
            yield _merge_pair(changed[name])
        elif job.dequantize and name.endswith(mxfp4.BLOCKS):
            yield mxfp4.unpacked(tensor, known)
        elif not (job.dequantize and name.endswith(mxfp4.SCALES)):
            yield tensor


def _merge_pair(pair: LoraPair) -> TensorSource:
    target = pair.target

    def chunks() -> Iterator[bytes]:
        yield tensors.pack(pair.merged(), target.dtype)

    return TensorSource(target.name, target.dtype, target.shape, target.size, chunks)


def _write(job: MergeJob, shards: Mapping[str, list[Piece]], record: Json, step: Step) -> None:
    total = sum(source.size for sources in shards.values() for source in sources)
    needed = f"The merged checkpoint needs {total * ROOM / 2**30:.1f} GiB of disk"
    require_room(job.target.parent, total * ROOM, needed)
    advance = make_counter("Merging", total, step)
    with making.partial(job.target.parent, job.target.name) as folder:
        digests = {
            name: tensors.write(folder / name, sources, advance) for name, sources in shards.items()
        }
        _write_index(folder, shards, total)
        _copy_rest(job, folder)
        _dump(folder / MERGE_RECORD, {**record, "files": digests})
        # The configuration comes last: a folder without it does not load.
        config = entries_of(job.base / "config.json")
        if job.dequantize:
            config.pop("quantization_config", None)
        _dump(folder / "config.json", config)
        if job.target.exists():
            shutil.rmtree(job.target)
        folder.rename(job.target)


def _write_index(folder: Path, shards: Mapping[str, list[Piece]], total: int) -> None:
    if len(shards) > 1:
        names = {source.name: file for file, sources in shards.items() for source in sources}
        _dump(folder / weights.INDEX, {"metadata": {"total_size": total}, "weight_map": names})


def _copy_rest(job: MergeJob, folder: Path) -> None:
    """Tokenizer, template, generation defaults, licence: all small files but what was rewritten."""
    rewritten = {"config.json", weights.INDEX, MERGE_RECORD}
    for file in job.base.iterdir():
        is_weights = file.suffix in (".safetensors", ".bin", ".pt")
        if file.is_file() and not is_weights and file.name not in rewritten:
            shutil.copyfile(file, folder / file.name)


def _record(job: MergeJob, facts: AdapterFacts) -> Json:
    """The merge's inputs and their digests; kept beside the weights, for the next run."""
    return {
        "adapter": job.adapter_id,
        "base": job.base_id,
        "dequantized": job.dequantize,
        "adapter_sha256": digests.compute_sha256(_weights(job.adapter)),
        "adapter_config_sha256": digests.compute_sha256(job.adapter / "adapter_config.json"),
        "base_config_sha256": digests.compute_sha256(job.base / "config.json"),
        "base_files": {file.name: _identity(file) for file in weights.shards(job.base)},
        "rank": facts.rank,
        "alpha": facts.alpha,
        "targets": list(facts.targets),
    }


def _identity(file: Path) -> str:
    """The digest under which the hub's cache keeps a file; elsewhere its size and time."""
    stat = file.stat()
    return digests.read_hub_digest(file) or f"{stat.st_size} bytes of {stat.st_mtime_ns}"


def _dump(file: Path, content: JsonView) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n")


def main() -> None:
    """Merge what the environment names, with its progress as lines."""
    settings = load(os.environ)
    job = job_of(settings, read_model(settings), dequantize="--dequantize" in sys.argv)
    try:
        merge(job, write_line)
    except LauncherError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
