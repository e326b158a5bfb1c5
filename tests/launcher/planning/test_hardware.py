"""Hardware as described, and as it is here."""

import pytest

from launcher.errors import HardwareError
from launcher.planning.cards import Gpu
from launcher.planning.hardware import Hardware, detect, parse


@pytest.mark.parametrize(
    ("text", "gpus", "gib", "capability"),
    [
        ("4x80", 4, 80, (8, 0)),
        ("1x15.5, cc=7.5", 1, 15.5, (7, 5)),
        ("1x192,cc=10", 1, 192, (10, 0)),
        ("8xrtx4090", 8, 23.6, (8, 9)),
        ("1xa100-40,cc=8.6", 1, 39.4, (8, 6)),
    ],
)
def test_hardware_as_described(
    text: str, gpus: int, gib: float, capability: tuple[int, int]
) -> None:
    """GPUs x GiB or a name, and the compute capability if it matters; a CPU with its memory."""
    found, cpu = parse(text), parse("cpu,ram=64,cpus=4,amx")

    assert len(found.gpus) == gpus
    assert (found.gpu_gib, found.capability) == (gib, capability)
    assert found.is_hypothetical
    assert (cpu.gpus, cpu.ram_gib, cpu.cpus, cpu.amx) == ((), 64, 4, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x3",
        "4x80,foo=1",
        "2xcpu",
        "4xv100",
        f"1x{'9' * 400}",
        "cpu,cpus=1.5",
        "cpu,ram=0.0",
        "cpu,avx2=no",
        "1x80,cc=8.",
        "1xa10+1xt4",
    ],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    """The sentence shows what would do."""
    with pytest.raises(HardwareError, match=r"4x80.*2xh100"):
        parse(text)


def test_this_machine() -> None:
    """Detection works with no GPU and no driver, and finds memory and cores."""
    found = detect()

    assert found.cpus == len(found.cpu_ids) >= 1
    assert found.ram_gib > 1
    assert found.numa_node_gib > 1
    assert not found.is_hypothetical


def test_the_smallest_and_oldest_gpu_counts() -> None:
    """Every rank gets the same share, so the weakest card decides."""
    mixed = Hardware(gpus=(Gpu("a", 80, (9, 0)), Gpu("b", 24, (8, 6))))

    assert (mixed.gpu_gib, mixed.capability) == (24, (8, 6))
