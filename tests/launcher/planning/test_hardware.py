"""Hardware as described, and as it is here."""

import pytest

from launcher.errors import HardwareError
from launcher.planning.cards import Gpu
from launcher.planning.hardware import Hardware, detect, parse, share


@pytest.mark.parametrize(
    ("text", "gpus", "gib", "capability"),
    [
        ("4x80", 4, 80, (8, 0)),
        ("1x24", 1, 24, (8, 0)),
        ("2x40,cc=8.6", 2, 40, (8, 6)),
        ("1x15.5, cc=7.5", 1, 15.5, (7, 5)),
        ("1x192,cc=10", 1, 192, (10, 0)),
        ("4xH100", 4, 79.2, (9, 0)),
        ("8xrtx4090", 8, 23.6, (8, 9)),
        ("1xa100-40,cc=8.6", 1, 39.4, (8, 6)),
    ],
)
def test_gpus_as_described(text: str, gpus: int, gib: float, capability: tuple[int, int]) -> None:
    """GPUs x GiB or a name, and the compute capability if it matters."""
    found = parse(text)

    assert len(found.gpus) == gpus
    assert (found.gpu_gib, found.capability) == (gib, capability)
    assert found.is_hypothetical


def test_a_cpu_as_described() -> None:
    """Memory, cores and AMX can be given."""
    found = parse("cpu,ram=64,cpus=4,amx")

    assert (found.gpus, found.ram_gib, found.cpus, found.amx) == ((), 64, 4, True)
    assert (parse("cpu,ram=64").amx, parse("cpu,ram=64").avx512) == (False, True)
    assert not parse("cpu,avx2").avx512


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4y80",
        "0x3",
        "80",
        "4x80,foo=1",
        "cpu,ram=a",
        "2x8x80",
        "2xcpu",
        "10000x80",
        "4xv100",
        "1x0",
        f"1x{'9' * 400}",
        "cpu,cpus=0",
        "cpu,cpus=1.5",
        f"cpu,cpus={'9' * 5000}",
        "cpu,ram=0.0",
        f"cpu,ram={'9' * 400}",
        "cpu,avx2=no",
        "1x80,cc=8.",
        "1xa10+1xt4",
    ],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    """The sentence shows what would do."""
    with pytest.raises(HardwareError, match=r"4x80.*2xh100"):
        parse(text)


def test_the_smallest_and_oldest_gpu_counts() -> None:
    """Every rank gets the same share, so the weakest card decides."""
    mixed = Hardware(gpus=(Gpu("a", 80, (9, 0)), Gpu("b", 24, (8, 6))))

    assert (mixed.gpu_gib, mixed.capability) == (24, (8, 6))


def test_this_machine() -> None:
    """Detection works with no GPU and no driver, and finds memory and cores."""
    found = detect()

    assert found.cpus == len(found.cpu_ids) >= 1
    assert found.ram_gib > 1
    assert found.numa_node_gib > 1
    assert not found.is_hypothetical


@pytest.mark.parametrize(
    ("described", "shares"),
    [
        ("4x80", [(2, ("0", "1")), (2, ("2", "3"))]),
        ("3x80", [(1, ("0",)), (1, ("1",))]),
        ("cpu,ram=64,cpus=8", [(0, ()), (0, ())]),
    ],
)
def test_two_engines_share_a_machine(
    described: str, shares: list[tuple[int, tuple[str, ...]]]
) -> None:
    """Equal parts; a GPU that is left over is not used. Of one engine nothing is bound."""
    whole = parse(described)
    parts = [share(whole, 2, index) for index in range(2)]

    assert [(len(part.gpus), part.gpu_ids) for part in parts] == shares
    assert sum(part.ram_gib for part in parts) == whole.ram_gib
    assert share(whole, 1, 0) is whole


def test_more_engines_than_gpus_are_refused() -> None:
    """In a sentence that names the setting."""
    with pytest.raises(HardwareError, match="MMHIE_ENGINES is 3, more than this machine has GPUs"):
        share(parse("2x80"), 3, 0)
