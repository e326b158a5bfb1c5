"""Every suite in one table: where its items come from. To add one, add its row."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, get_args

from assurance.evaluation import items, published, sheet, texts
from assurance.evaluation.items import DataError, Item
from launcher.errors import LauncherError

OWN: Final = Path(__file__).with_name("own")
SuiteName = Literal[
    "knowledge",
    "safety",
    "service",
    "records",
    "rubrics",
    "robustness",
    "own",
    "red-flags",
    "calibration",
]
CALIBRATION: Final = "calibration"  # answers labelled by hand, which a judge labels as well
NAMES: Final[tuple[SuiteName, ...]] = get_args(SuiteName)
SETS: Final[tuple[published.Name, ...]] = get_args(published.Name)
# The sets of a suite, each with the file of ours that stands in for it.
PUBLISHED: Final[Mapping[SuiteName, Mapping[published.Name, str]]] = {
    "knowledge": {
        "medqa": "medqa.jsonl",
        "medmcqa": "medmcqa.jsonl",
        "pubmedqa": "pubmedqa.json",
        "mmlu": "mmlu",
    },
    "rubrics": {"healthbench": "rubrics.jsonl"},
}
FILES: Final[Mapping[SuiteName, str]] = {
    "safety": "safety.jsonl",
    "service": "service.jsonl",  # what the gateway adds, whatever the model says
    "records": "records.jsonl",
    "robustness": "robustness.jsonl",
    CALIBRATION: "calibration.jsonl",
}
TEXTS: Final = ".txt"  # of labelled texts, for the suite red-flags
# In this order a budget is spent; the suites after these come with --items alone.
DEFAULT: Final[tuple[SuiteName, ...]] = (
    *("safety", "service", "knowledge", "records", "robustness", "rubrics"),
)
BY_ITEMS: Final[Mapping[SuiteName, str]] = {
    "own": "FILE",
    "red-flags": "FILE.txt, labelled texts",
}


@dataclass(frozen=True, slots=True)
class Source:
    """One file of items; `is_own` says that we wrote it."""

    suite: SuiteName
    name: str
    place: Path
    is_own: bool

    def read(self) -> list[Item]:
        """Return its items. Raises DataError."""
        if self.suite in PUBLISHED and self.name in SETS:
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
    wrong = [suite for suite in suites if suite not in NAMES]
    if wrong:
        raise LauncherError(f"{wrong[0]} is no suite: choose among {', '.join(NAMES)}.")
    if unknown := [name for name in data if name not in SETS]:
        raise LauncherError(f"{unknown[0]} is no data set: choose among {', '.join(SETS)}.")
    for suite, kind in BY_ITEMS.items():
        if suite in suites and not files_of(suite, own):
            raise LauncherError(f"The suite {suite} needs --items {kind}.")
    listed = list(chosen([name for name in NAMES if name in suites], data, own))
    tasks = [source.task for source in listed]
    if twice := [source.name for source in listed if tasks.count(source.task) > 1]:
        raise LauncherError(f"Two files of --items are named {twice[0]}: rename one.")
    return listed


def chosen(
    suites: Sequence[SuiteName], data: Mapping[str, Path], own: Sequence[Path]
) -> Iterator[Source]:
    """Yield the sources in the order in which a budget is spent."""
    for suite in sorted(suites, key=lambda name: [*DEFAULT, *BY_ITEMS, CALIBRATION].index(name)):
        for name, file in PUBLISHED.get(suite, {}).items():
            yield Source(suite, name, data.get(name, OWN / file), name not in data)
        if suite in FILES:
            yield Source(suite, suite, OWN / FILES[suite], is_own=True)
        for place in files_of(suite, own):
            yield Source(suite, name_of(suite, place), place, is_own=False)


def name_of(suite: SuiteName, place: Path) -> str:
    """Return the name of a file of --items; sets of texts have a file for each language."""
    return place.stem if suite == "own" else f"{place.absolute().parent.name}-{place.stem}"


def files_of(suite: SuiteName, given: Sequence[Path]) -> list[Path]:
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
