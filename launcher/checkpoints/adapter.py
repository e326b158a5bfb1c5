"""A LoRA adapter folded into its base, shard by shard, into a folder that appears whole or not."""

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from launcher.checkpoints import lora, making, mxfp4, tensors
from launcher.checkpoints.lora import LoraPair
from launcher.checkpoints.merging import ROOM, MergeJob
from launcher.checkpoints.tensors import TensorSource
from launcher.errors import LauncherError, ModelError
from launcher.json_types import Json, JsonView
from launcher.models import digests, safetensors_header, weights
from launcher.models.adapter_shapes import FILE
from launcher.models.disk import require_room
from launcher.models.fetch_progress import Step, make_counter, write_line
from launcher.models.model_folder import entries_of
from launcher.models.safetensors_header import Tensor
from launcher.models.weights import MERGE_RECORD

Piece = TensorSource | Tensor


def merge(job: MergeJob, step: Step) -> Path:
    """The merged checkpoint's folder, made now unless it is already there.

    Raises PlanError for what cannot be merged exactly, ModelError for broken files, NotEnoughDisk.
    """
    record, target = _complete_record(job), Path(job.target)
    with making.locked(target.parent, target.name):
        if not record.items() <= entries_of(target / MERGE_RECORD).items():
            _write(job, _shards(job), record, step)
    return target


def _weights(adapter: Path) -> Path:
    file = adapter / FILE
    if not file.is_file():
        raise ModelError(f"{adapter} has no {FILE}: save it as safetensors.")
    return file


def _shards(job: MergeJob) -> dict[str, list[Piece]]:
    """The tensors of the merged checkpoint by file."""
    adapter, files = Path(job.adapter), weights.shards(Path(job.base))
    shards = {file.name: safetensors_header.read(file) for file in files}
    known = {name: tensor for shard in shards.values() for name, tensor in shard.items()}
    config = entries_of(adapter / "adapter_config.json")
    changed = lora.pairs(config, safetensors_header.read(_weights(adapter)), known)
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
    base, target = Path(job.base), Path(job.target)
    total = sum(source.size for sources in shards.values() for source in sources)
    needed = f"The merged checkpoint needs {total * ROOM / 2**30:.1f} GiB of disk"
    require_room(target.parent, total * ROOM, needed)
    advance = make_counter("Merging", total, step)
    with making.partial(target.parent, target.name) as folder:
        digests = {
            name: tensors.write(folder / name, sources, advance) for name, sources in shards.items()
        }
        _write_index(folder, shards, total)
        _copy_rest(base, folder)
        _dump(folder / MERGE_RECORD, {**record, "files": digests})
        # The configuration comes last: a folder without it does not load.
        config = entries_of(base / "config.json")
        if job.dequantize:
            config.pop("quantization_config", None)
        _dump(folder / "config.json", config)
        if target.exists():
            shutil.rmtree(target)
        folder.rename(target)


def _write_index(folder: Path, shards: Mapping[str, list[Piece]], total: int) -> None:
    if len(shards) > 1:
        names = {source.name: file for file, sources in shards.items() for source in sources}
        _dump(folder / weights.INDEX, {"metadata": {"total_size": total}, "weight_map": names})


def _copy_rest(base: Path, folder: Path) -> None:
    """Tokenizer, template, generation defaults, licence: all small files but what was rewritten."""
    rewritten = {"config.json", weights.INDEX, MERGE_RECORD}
    for file in base.iterdir():
        is_weights = file.suffix in (".safetensors", ".bin", ".pt")
        if file.is_file() and not is_weights and file.name not in rewritten:
            shutil.copyfile(file, folder / file.name)


def _complete_record(job: MergeJob) -> Json:
    """The merge's inputs and their digests; kept beside the weights, for the next run."""
    adapter, base = Path(job.adapter), Path(job.base)
    return {
        **job.record,
        "dequantized": job.dequantize,
        "adapter_sha256": digests.compute_sha256(_weights(adapter)),
        "adapter_config_sha256": digests.compute_sha256(adapter / "adapter_config.json"),
        "base_config_sha256": digests.compute_sha256(base / "config.json"),
        "base_files": {file.name: _identity(file) for file in weights.shards(base)},
    }


def _identity(file: Path) -> str:
    """The digest under which the hub's cache keeps a file; elsewhere its size and time."""
    stat = file.stat()
    return digests.read_hub_digest(file) or f"{stat.st_size} bytes of {stat.st_mtime_ns}"


def _dump(file: Path, content: JsonView) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n")


def main() -> None:
    """Do the job that the argument is, in JSON, with its progress as lines."""
    try:
        merge(MergeJob(**json.loads(sys.argv[1])), write_line)
    except LauncherError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
