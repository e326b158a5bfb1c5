"""Findings of `make image-check`, and its sandbox."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.image_check import inspection
from scripts.image_check.command import CheckError
from scripts.image_check.trial import Sandbox

GOOD: dict[str, Any] = {
    "User": "10001:10001",
    "StopSignal": "SIGTERM",
    "ExposedPorts": {"8000/tcp": {}},
    "Healthcheck": {"Test": ["CMD", "python", "/opt/image/healthy.py"]},
    "Volumes": {"/data": {}},
    "WorkingDir": "/app",
    "Env": ["HOME=/data"],
    "Labels": {
        **{f"org.opencontainers.image.{name}": name for name in inspection.LABELS},
        "org.opencontainers.image.title": "mmhie-gateway",
    },
}


def test_a_good_configuration_passes() -> None:
    """The configuration in the gateway's Dockerfile."""
    inspection.check_config(GOOD)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"User": "0:0"}, "User"),
        ({"StopSignal": None}, "StopSignal"),
        ({"ExposedPorts": None}, "8000"),
        ({"Healthcheck": None}, "HEALTHCHECK"),
        ({"Labels": None}, "label"),
        ({"Volumes": {"/data": {}, "/root": {}}}, "/root"),
    ],
)
def test_a_wrong_configuration_is_named(wrong: dict[str, Any], word: str) -> None:
    """One sentence with what is wrong in it."""
    with pytest.raises(CheckError, match=word):
        inspection.check_config(GOOD | wrong)


def test_the_bill_of_materials_has_to_be_whole(tmp_path: Path) -> None:
    """A locked package that is not listed is named."""
    folder = tmp_path / "opt" / "gateway"
    folder.mkdir(parents=True)
    (folder / "sbom.cdx.json").write_text(json.dumps({"components": []}))
    with pytest.raises(CheckError, match="fastapi=="):
        inspection.check_sbom(tmp_path, "gateway")


def test_the_program_is_shut_in(tmp_path: Path) -> None:
    """Nothing of this machine's environment, no capability, and the root read-only at the end."""
    sandbox = Sandbox(tmp_path, {"/data": tmp_path / "kept"})
    command = sandbox.command(GOOD, ["python", "-m", "gateway"], MMHIE_PORT="1")
    script = command[command.index("-c") + 1]
    mounts, _, entry = script.partition(" && exec ")

    assert mounts.endswith(f"mount -o remount,ro,bind {tmp_path}")
    assert f"mount --bind {tmp_path}/kept {tmp_path}/data" in mounts
    for option in ("--reuid=10001", "--bounding-set=-all", "--no-new-privs", "env -i --chdir=/app"):
        assert option in entry
    assert command[-5:] == ["HOME=/data", "MMHIE_PORT=1", "python", "-m", "gateway"]
