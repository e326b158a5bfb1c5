"""Needs of a start, checked before anything runs."""

from collections import namedtuple
from pathlib import Path

import pytest

from launcher.errors import NotEnoughDisk, PortTaken
from launcher.serving import preflight


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1"])
def test_a_free_port_passes(host: str, unused_tcp_port: int) -> None:
    """IPv6 included; and one that has just been closed."""
    preflight.check_port(host, unused_tcp_port)


def test_an_address_that_is_not_ours() -> None:
    """Told like a port that is taken."""
    with pytest.raises(PortTaken, match=r"192\.0\.2\.1"):
        preflight.check_port("192.0.2.1", 8000)


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of the disk on which the folder will be."""
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10, 9, 1))

    with pytest.raises(NotEnoughDisk, match="MMHIE_CACHE_DIR"):
        preflight.check_room(tmp_path / "not" / "yet")
