"""A wall clock that a test may set, for the processes that are started under it (libfaketime)."""

from pathlib import Path

from requirements import programs

LIBRARY = programs.find("faketime") or ""
REASON = programs.reason("faketime")


class WallClock:
    """The time of day as the processes take it; how long things last is left alone, as it is on a
    machine whose clock is set."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "clock"
        self.jump(0)

    @property
    def environ(self) -> dict[str, str]:
        """Variables that a process is started with."""
        return {
            "LD_PRELOAD": LIBRARY,
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
            "NO_FAKE_STAT": "1",
        }

    def jump(self, seconds: int) -> None:
        """Set it so far from the true time."""
        beside = self.file.with_suffix(".new")
        beside.write_text(f"{seconds:+d}\n")
        beside.replace(self.file)
