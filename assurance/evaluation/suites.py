"""Every suite in one table: where its items come from. To add one, add its row."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, get_args

from assurance.evaluation import items, published, sheet, texts
from assurance.evaluation.items import DataError, Item
from launcher.errors import LauncherError

OWN: Final = Path(__file__).with_name("own")
CALIBRATION: Final = "calibration"  # answers labelled by hand, which a judge labels as well
SETS: Final[tuple[published.Name, ...]] = get_args(published.Name)
# The sources of each suite, with the file of ours; in this order a budget is spent.
SUITES: Final[Mapping[str, Mapping[str, str]]] = {
    "safety": {"safety": "safety.jsonl"},
    "service": {"service": "service.jsonl"},  # what the gateway adds, whatever the model says
    "knowledge": {
        "medqa": "medqa.jsonl",
        "medmcqa": "medmcqa.jsonl",
        "pubmedqa": "pubmedqa.json",
        "mmlu": "mmlu",
    },
    "records": {"records": "records.jsonl"},
    "robustness": {"robustness": "robustness.jsonl"},
    "rubrics": {"healthbench": "rubrics.jsonl"},
    "own": {},
    "red-flags": {},
    CALIBRATION: {CALIBRATION: "calibration.jsonl"},
}
DEFAULT: Final = tuple(name for name, files in SUITES.items() if files and name != CALIBRATION)
# Suites of a site's own files, which come with --items alone.
BY_ITEMS: Final[Mapping[str, str]] = {"own": "FILE", "red-flags": "FILE.txt, labelled texts"}
TEXTS: Final = ".txt"  # of labelled texts, for the suite red-flags


@dataclass(frozen=True, slots=True)
class Source:
    """One file of items; `is_own` says that we wrote it."""

    suite: str
    name: str
    place: Path
    is_own: bool

    def read(self) -> list[Item]:
        """Return its items. Raises DataError."""
        if self.name in SETS and self.name in SUITES[self.suite]:
            return published.read(self.name, self.place)
        if self.place.suffix.lower() == ".csv":
            return items.made_of(self.place, sheet.rows(self.place))
        if self.suite == "red-flags":
            return items.made_of(self.place, texts.rows(self.place))
        return items.read(self.place)

    @property
    def task(self) -> str:
        """The name of its task, which is that of the folder of its log."""
        return self.suite if self.name == self.suite else f"{self.suite}-{self.name}"

    @property
    def digest(self) -> str:
        """The SHA-256 of its files, by which two reports see that they had the same items."""
        whole = sha256()
        files = sorted(self.place.rglob("*.csv")) if self.place.is_dir() else [self.place]
        for file in files:
            whole.update(file.read_bytes())
        return whole.hexdigest()


def sources(
    suites: Sequence[str], data: Mapping[str, Path], own: Sequence[Path] = ()
) -> list[Source]:
    """Return the sources of these suites; `data` replaces a set by a file. Raises LauncherError."""
    if wrong := [suite for suite in suites if suite not in SUITES]:
        raise LauncherError(f"{wrong[0]} is no suite: choose among {', '.join(SUITES)}.")
    if unknown := [name for name in data if name not in SETS]:
        raise LauncherError(f"{unknown[0]} is no data set: choose among {', '.join(SETS)}.")
    for suite, kind in BY_ITEMS.items():
        if suite in suites and not files_of(suite, own):
            raise LauncherError(f"The suite {suite} needs --items {kind}.")
    listed = list(chosen(suites, data, own))
    tasks = [source.task for source in listed]
    if twice := [source.name for source in listed if tasks.count(source.task) > 1]:
        raise LauncherError(f"Two files of --items are named {twice[0]}: rename one.")
    return listed


def chosen(
    suites: Sequence[str], data: Mapping[str, Path], own: Sequence[Path]
) -> Iterator[Source]:
    """Yield the sources in the order in which a budget is spent."""
    for suite, files in SUITES.items():
        if suite in suites:
            for name, file in files.items():
                yield Source(suite, name, data.get(name, OWN / file), name not in data)
            for place in files_of(suite, own):
                yield Source(suite, name_of(suite, place), place, is_own=False)


def name_of(suite: str, place: Path) -> str:
    """Return the name of a file of --items; sets of texts have a file for each language."""
    return place.stem if suite == "own" else f"{place.absolute().parent.name}-{place.stem}"


def files_of(suite: str, given: Sequence[Path]) -> list[Path]:
    """Return the files of --items that are a suite's."""
    if suite not in BY_ITEMS:
        return []
    return [file for file in given if (file.suffix.lower() == TEXTS) == (suite == "red-flags")]


def in_cache(name: str, hub: Path) -> Path:
    """Return a data set's file: a path, or `owner/name` in the hub's cache. Raises DataError."""
    place = Path(name).expanduser()
    if place.exists():
        return place
    folder = hub / f"datasets--{name.replace('/', '--')}" / "snapshots"
    files = [
        file
        for suffix in ("jsonl", "json", "csv", "parquet")
        for split in ("test*", "validation*", "train*", "")
        for file in sorted(folder.glob(f"*/**/*{split}.{suffix}"))
    ]
    if not files:
        raise DataError(f"{name} is no file here and no data set in the hub's cache ({hub}).")
    return files[0]
