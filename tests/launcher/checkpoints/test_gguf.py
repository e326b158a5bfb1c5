"""The de-quantized checkpoint appears whole or not at all; the conversion itself is a stand-in."""

import asyncio
import os
import sys
import threading
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from launcher.checkpoints import gguf, preparation
from launcher.errors import ModelError, NotEnoughDisk
from tests.waiting import eventually

# Stands for the library: a conversion that has begun and does not end.
UNENDING = """
import time
class AutoModelForCausalLM:
    def from_pretrained(*_, **__):
        return AutoModelForCausalLM()
    def save_pretrained(self, folder):
        (folder / "config.json").write_text("{}")
        time.sleep(600)
class AutoTokenizer: ...
class GgufConfig:
    def __init__(self, **_): ...
"""


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
    """The second time the folder is simply there."""
    conversion = Conversion()
    first = gguf.checkpoint(source, cache, conversion)
    second = gguf.checkpoint(source, cache, conversion)

    assert first == second == cache / gguf.key(source)
    assert sorted(file.name for file in first.iterdir()) == ["config.json", "model.safetensors"]
    assert conversion.times == 1


def test_two_at_once_convert_once(source: Path, cache: Path) -> None:
    """The others wait for the first, which has begun before they come, and take its folder."""
    begun, go_on = threading.Event(), threading.Event()
    conversion = Conversion()

    def held(source: Path, folder: Path) -> None:
        begun.set()
        go_on.wait()
        conversion(source, folder)

    with ThreadPoolExecutor() as pool:
        first = pool.submit(gguf.checkpoint, source, cache, held)
        begun.wait()
        others = [pool.submit(gguf.checkpoint, source, cache, conversion) for _ in range(2)]
        go_on.set()
        folders = {future.result() for future in (first, *others)}

    assert len(folders) == 1
    assert conversion.times == 1


def test_a_failure_leaves_nothing(source: Path, cache: Path) -> None:
    """And the next start tries again."""
    with pytest.raises(ModelError):
        gguf.checkpoint(source, cache, Conversion(ModelError("No.")))
    assert visible(cache) == []

    assert gguf.checkpoint(source, cache, Conversion()).is_dir()


async def test_an_interruption_leaves_nothing(source: Path, cache: Path, tmp_path: Path) -> None:
    """The process that converts is told to stop in the middle."""
    (tmp_path / "transformers.py").write_text(UNENDING)
    making_it = preparation.dequantize(source, cache, environ(tmp_path), lambda line: None)
    task = asyncio.create_task(making_it)
    await eventually(lambda: any(cache.glob(".partial-*/config.json")))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert visible(cache) == []


def test_what_a_killed_conversion_left_is_cleared(source: Path, cache: Path) -> None:
    """Half a model under a temporary name is never taken for a whole one."""
    half = cache / f".partial-{gguf.key(source)}-killed"
    half.mkdir(parents=True)
    (half / "config.json").write_text("{}")
    folder = gguf.checkpoint(source, cache, Conversion())

    assert visible(cache) == [folder.name]


def test_the_key_is_the_contents(source: Path, tmp_path: Path) -> None:
    """The same file elsewhere has the same key; another file of that name has another."""
    elsewhere = tmp_path / "elsewhere" / source.name
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(source.read_bytes())
    assert gguf.key(elsewhere) == gguf.key(source)

    elsewhere.write_bytes(source.read_bytes()[:-1] + b"!")
    assert gguf.key(elsewhere) != gguf.key(source)


def test_too_little_disk_is_one_sentence(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what is needed, what is there, and what to do."""
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10, 9, 1))

    with pytest.raises(NotEnoughDisk, match="make room, or set MMHIE_CACHE_DIR"):
        gguf.checkpoint(source, tmp_path, Conversion())


def test_a_cache_that_cannot_be_made(source: Path, tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ModelError, match="cannot be written"):
        gguf.checkpoint(source, tmp_path / "file" / "cache", Conversion())


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
