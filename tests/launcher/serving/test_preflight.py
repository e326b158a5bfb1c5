"""Needs of a start, checked before anything runs."""

from collections import namedtuple
from pathlib import Path

import pytest

from launcher.errors import NotEnoughDisk, NotEnoughMemory, PortTaken, SettingsError
from launcher.serving import preflight
from launcher.settings import LauncherSettings, load
from tests.gateway.server.certificates import Authority
from tests.launcher.plans import plan


def test_a_port_on_an_address(unused_tcp_port: int) -> None:
    """A free one passes, on IPv6 too; an address that is not ours is told like a port in use."""
    for host in ("127.0.0.1", "0.0.0.0", "::1"):
        preflight.check_port(host, unused_tcp_port)
    with pytest.raises(PortTaken, match=r"192\.0\.2\.1"):
        preflight.check_port("192.0.2.1", unused_tcp_port)


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of the disk on which the folder will be."""
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10, 9, 1))

    with pytest.raises(NotEnoughDisk, match="MMHIE_CACHE_DIR"):
        preflight.check_room(tmp_path / "not" / "yet")


def test_a_certificate_that_no_engine_could_serve_with(tmp_path: Path) -> None:
    """Before the model is loaded, with what is wrong; and where no engine has a use for it."""
    pair = Authority(tmp_path, "ours").issue("engine")

    def chosen(file: Path) -> LauncherSettings:
        return load({"MMHIE_ENGINE_SERVER_CERTIFICATE": str(file)}, None)

    assert preflight.engine_scheme(load({}, None)) == "http"
    assert preflight.engine_scheme(chosen(pair.both)) == "https"
    for file, said in ((pair.certificate, "its key"), (tmp_path / "none", "No such file")):
        with pytest.raises(SettingsError, match=said):
            preflight.engine_scheme(chosen(file))
    with pytest.raises(SettingsError, match="is for `mmhie engine`"):
        preflight.refuse_certificate(chosen(pair.both))
    preflight.refuse_certificate(load({}, None))


def test_shared_memory_for_several_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker's 64 MiB are too little, and nothing to an engine on one GPU."""
    usage = namedtuple("usage", "total used free")
    several = plan("2x24", tensor_parallel=2)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(2**26, 0, 2**26))

    preflight.check_shared_memory((plan("1x24"),), tmp_path)
    with pytest.raises(NotEnoughMemory, match=r"has 64 MiB, .* --shm-size=8g"):
        preflight.check_shared_memory((several,), tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(2**33, 0, 2**33))
    preflight.check_shared_memory((several,), tmp_path)
