"""The de-quantized checkpoint appears whole or not at all; the conversion itself is a stand-in."""

import os
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from launcher.checkpoints import gguf, preparation
from launcher.errors import ModelError, NotEnoughDisk


class Conversion:
    """Writes two files, and counts how often it ran."""

    def __init__(self, fails: BaseException | None = None) -> None:
        self.fails = fails
        self.times = 0

    def __call__(self, source: Path, folder: Path) -> None:
        self.times += 1
        (folder / "config.json").write_bytes(source.read_bytes())
        if self.fails:
            raise self.fails
        (folder / "model.safetensors").write_text("weights")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small file that stands for a GGUF."""
    file = tmp_path / "small.Q4.gguf"
    file.write_bytes(b"GGUF" * 1000)
    return file


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Not there yet, as on a new machine."""
    return tmp_path / "deep" / "cache"


def visible(cache: Path) -> list[str]:
    return sorted(file.name for file in cache.iterdir() if not file.name.endswith(".lock"))


def test_it_is_converted_once(source: Path, cache: Path) -> None:
    """The second time the folder is simply there, wherever the file lies; another file of that
    name is another model."""
    conversion = Conversion()
    first = gguf.checkpoint(source, cache, conversion)
    elsewhere = cache.parent / source.name
    elsewhere.write_bytes(source.read_bytes())
    second = gguf.checkpoint(elsewhere, cache, conversion)

    assert first == second == cache / gguf.key(source)
    assert sorted(file.name for file in first.iterdir()) == ["config.json", "model.safetensors"]
    assert conversion.times == 1
    source.write_bytes(source.read_bytes()[:-1] + b"!")
    assert gguf.checkpoint(source, cache, conversion) != first


def test_what_a_killed_conversion_left_is_cleared(source: Path, cache: Path) -> None:
    """Half a model under a temporary name is never taken for a whole one; a failure leaves none."""
    half = cache / f".partial-{gguf.key(source)}-killed"
    half.mkdir(parents=True)
    (half / "config.json").write_text("{}")
    with pytest.raises(ModelError):
        gguf.checkpoint(source, cache, Conversion(ModelError("No.")))
    assert visible(cache) == []
    folder = gguf.checkpoint(source, cache, Conversion())

    assert visible(cache) == [folder.name]


def test_a_disk_that_is_full_or_no_folder(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, with what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be used"):
        gguf.checkpoint(source, tmp_path / "file" / "cache", Conversion())
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10, 9, 1))
    with pytest.raises(NotEnoughDisk, match="make room, or set MMHIE_CACHE_DIR"):
        gguf.checkpoint(source, tmp_path, Conversion())


async def test_the_converters_own_failure_is_told(tmp_path: Path) -> None:
    """The last line of the process is the reason."""
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"not a model")
    (tmp_path / "transformers.py").write_text("raise ImportError('no transformers here')")

    with pytest.raises(ModelError, match=r"broken\.gguf could not be .*no transformers here"):
        await preparation.dequantize(broken, tmp_path, environ(tmp_path), lambda line: None)


def environ(modules: Path) -> dict[str, str]:
    """An environment whose modules come first."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join((str(modules), *sys.path))}
