"""The locks against OSV's export: what is found, what is not, and an export that is none."""

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import orjson
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.vulnerabilities import LOCKS, Vulnerability, findings, pins, unpinned
from tests.contract.process import ROOT

FROM_ONE = [{"introduced": "1.0"}, {"fixed": "1.4"}]


def record(events: list[dict[str, str]], **more: Any) -> dict[str, Any]:
    """A record in OSV's form about the package `first-package`."""
    package = {"ecosystem": "PyPI", "name": "First_Package"}
    affected = {"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
    return {"id": "PYSEC-1", "summary": "Reads too much.", "affected": [affected], **more}


def found(version: str, *records: dict[str, Any]) -> list[Vulnerability]:
    return findings(records, {"first-package": {version}})


@pytest.mark.parametrize(
    ("version", "is_found"),
    [("0.9", False), ("1.0", True), ("1.3.9", True), ("1.4rc1", True), ("1.4", False)],
)
def test_a_range(version: str, is_found: bool) -> None:
    """From the first affected version to the one before the fix, as PEP 440 orders them."""
    assert bool(found(version, record(FROM_ONE))) is is_found


def test_ranges_in_any_order() -> None:
    """A second range begins where a record says so, whatever stands first."""
    events = [{"last_affected": "2.1"}, {"introduced": "2.0"}, *FROM_ONE]

    assert [bool(found(version, record(events))) for version in ("1.3", "1.5", "2.1", "2.2")] == [
        True,
        False,
        True,
        False,
    ]


def test_a_listed_version() -> None:
    """A record may list versions in place of ranges."""
    package = {"ecosystem": "PyPI", "name": "first.package"}
    listed = {"id": "GHSA-1", "affected": [{"package": package, "versions": ["3.0"]}]}

    (finding,) = found("3.0", listed)
    assert finding == Vulnerability("first-package", "3.0", "GHSA-1", (), (), "")
    assert not found("3.1", listed)


def test_what_does_not_count() -> None:
    """Withdrawn records, other ecosystems, commits of a repository, other packages."""
    elsewhere, by_commit = record(FROM_ONE), record(FROM_ONE)
    elsewhere["affected"][0]["package"]["ecosystem"] = "npm"
    by_commit["affected"][0]["ranges"][0]["type"] = "GIT"
    withdrawn = record(FROM_ONE, withdrawn="2026-01-01T00:00:00Z")

    assert not found("1.1", elsewhere, by_commit, withdrawn)
    assert not findings([record(FROM_ONE)], {"second-package": {"1.1"}})


def test_every_line_of_the_locks_is_seen() -> None:
    """As a pin, or as what is not one."""
    locks = sorted(LOCKS.glob("*.txt"))
    lines = [line for lock in locks for line in lock.read_text().splitlines()]
    asked = [Requirement(line.rstrip(" \\")) for line in lines if line[:1].isalnum()]
    names = {canonicalize_name(package.name) for package in asked}
    open_ones = {Requirement(line).name for line in unpinned(locks)}

    assert pins(locks).keys() | open_ones == names
    assert all("==" in str(package.specifier) for package in asked if package.name not in open_ones)


def run(*arguments: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.vulnerabilities", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_program(tmp_path: Path) -> None:
    """A line for each finding, exit code 1; without findings 0."""
    export, lock = tmp_path / "all.zip", tmp_path / "lock.txt"
    with zipfile.ZipFile(export, "w") as archive:
        content = orjson.dumps(record(FROM_ONE, aliases=["CVE-1"]))
        archive.writestr("PYSEC-1.json", content)
    lock.write_text("first-package[fast]==1.2 \\\n    --hash=sha256:00\nother==1\nthird>=2,<3\n")
    bad, good = run(export, lock), run(export)

    assert bad.returncode == 1
    assert bad.stdout.splitlines() == [
        "first-package 1.2: PYSEC-1, CVE-1; fixed in 1.4. Reads too much.",
        "not compared, since it is not pinned: third>=2,<3",
        "versions: 2, findings: 1",
    ]
    assert good.returncode == 0, good.stderr
    assert good.stdout.endswith(", findings: 0\n")


def test_a_file_that_is_no_export(tmp_path: Path) -> None:
    """Exit code 2 and its name: a check that could not be made is not a clean bill."""
    export = tmp_path / "all.zip"
    export.write_bytes(b"not a zip file")
    missing = run(tmp_path / "none.zip")

    assert (run(export).returncode, missing.returncode, run().returncode) == (2, 2, 2)
    assert "none.zip and the locks cannot be compared" in missing.stderr
