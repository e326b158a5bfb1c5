"""Known vulnerabilities of the locked packages, without a network.

    python -m scripts.vulnerabilities all.zip [LOCK ...]

`all.zip` is OSV's export for PyPI (https://google.github.io/osv.dev/data/), carried to where there
is no network. Exit code 0 when nothing was found, 1 when something was, 2 for a file that cannot be
read.
"""

import re
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

LOCKS = Path(__file__).parents[1] / "requirements"
PIN = re.compile(r"^([\w.-]+)(?:\[[\w,.-]+\])?==([^\s;\\]+)", re.MULTILINE)
RANGE = re.compile(r"^[\w.-]+[<>~!][^\s;\\]+", re.MULTILINE)  # a package without a pin
ECOSYSTEM = "PyPI"
USAGE = "usage: python -m scripts.vulnerabilities all.zip [LOCK ...]"

Pins = dict[str, set[str]]  # versions by the canonical name of a package
Record = Mapping[str, Any]  # https://ossf.github.io/osv-schema/


class Vulnerability(NamedTuple):
    """A locked version that a record names; `fixed` is empty where no version is."""

    package: str
    version: str
    id: str
    aliases: tuple[str, ...]
    fixed: tuple[str, ...]
    summary: str


def pins(locks: Iterable[Path]) -> Pins:
    """Return what these lock files pin. Raises OSError."""
    pins: Pins = {}
    for lock in locks:
        for name, version in PIN.findall(lock.read_text()):
            pins.setdefault(canonicalize_name(name), set()).add(version)
    return pins


def unpinned(locks: Iterable[Path]) -> list[str]:
    """Return what these files leave open, which no record can be compared with. Raises OSError."""
    return sorted({match for lock in locks for match in RANGE.findall(lock.read_text())})


def records(export: Path) -> Iterator[Record]:
    """Yield the records of an export. Raises OSError, zipfile.BadZipFile or ValueError."""
    with zipfile.ZipFile(export) as archive:
        for name in archive.namelist():
            yield orjson.loads(archive.read(name))


def findings(found: Iterable[Record], locked: Pins) -> list[Vulnerability]:
    """Return what of the locked is vulnerable, by package; withdrawn records do not count."""
    counted = (record for record in found if not record.get("withdrawn"))
    return sorted({hit for record in counted for hit in of_record(record, locked)})


def of_record(record: Record, locked: Pins) -> Iterator[Vulnerability]:
    """Yield what of the locked a record names."""
    aliases, summary = tuple(sorted(record.get("aliases", ()))), record.get("summary", "")
    for affected in record.get("affected", ()):
        package = affected.get("package", {})
        name = canonicalize_name(package.get("name", ""))
        for version in locked.get(name, ()) if package.get("ecosystem") == ECOSYSTEM else ():
            if is_affected(version, affected):
                yield Vulnerability(name, version, record["id"], aliases, fixes(affected), summary)


def is_affected(version: str, affected: Record) -> bool:
    """Evaluate a record as OSV's schema says: listed, or in one of the ranges."""
    return version in affected.get("versions", ()) or any(
        is_in(version, span["events"])
        for span in affected.get("ranges", ())
        if span["type"] == "ECOSYSTEM"
    )


def is_in(version: str, events: Sequence[Mapping[str, str]]) -> bool:
    """Tell whether a version lies between an event that begins a range and one that ends it."""
    here, inside = parsed(version), False
    for at, kind in sorted((parsed(at), kind) for event in events for kind, at in event.items()):
        if at < here or (at == here and kind != "last_affected"):
            inside = kind == "introduced"
    return inside


def parsed(version: str) -> Version:
    """Return a version that can be compared; what is none comes before all, so nothing is lost."""
    try:
        return Version(version)
    except InvalidVersion:
        return Version("0.dev0")


def fixes(affected: Record) -> tuple[str, ...]:
    """Return the versions that are fixed."""
    events = [event for span in affected.get("ranges", ()) for event in span["events"]]
    return tuple(sorted({event["fixed"] for event in events if "fixed" in event}, key=parsed))


def line(finding: Vulnerability) -> str:
    """Return a finding for people."""
    names = ", ".join((finding.id, *finding.aliases))
    remedy = f"fixed in {', '.join(finding.fixed)}" if finding.fixed else "no fixed version"
    return f"{finding.package} {finding.version}: {names}; {remedy}. {finding.summary}".strip()


def main(arguments: Sequence[str]) -> int:
    """Print the findings."""
    if not arguments:
        print(USAGE, file=sys.stderr)
        return 2
    export, *named = map(Path, arguments)
    locks = named or sorted(LOCKS.glob("*.txt"))
    try:
        locked, ranges = pins(locks), unpinned(locks)
        insecure = findings(records(export), locked)
    except (OSError, zipfile.BadZipFile, ValueError, KeyError) as problem:
        print(f"{export} and the locks cannot be compared: {problem!r}.", file=sys.stderr)
        return 2
    count = sum(map(len, locked.values()))
    notes = [f"not compared, since it is not pinned: {requirement}" for requirement in ranges]
    print(
        "\n".join([*map(line, insecure), *notes, f"versions: {count}, findings: {len(insecure)}"])
    )
    return 1 if insecure else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
