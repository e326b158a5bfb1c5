"""The metrics files of the workers, one for each kind of metric and worker.

prometheus-client maps them into memory as sparse files. On a full disk, writing to a new page would
end the process by SIGBUS, so their space is reserved at the start.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from gateway.observability.families import Mode
from gateway.settings.gateway import SettingsError

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus-client's own name
MIB = 1024 * 1024
GAUGES = tuple(f"gauge_{mode}" for mode in get_args(Mode))
# Several times what all combinations of labels need.
RESERVED_BYTES: Mapping[str, int] = {
    **dict.fromkeys(("counter", "histogram", "summary"), MIB),
    **dict.fromkeys(GAUGES, MIB // 16),
}
EMPTY = bytes(4)  # how a file of prometheus-client without values begins


def reserve(folder: Path, number: int) -> None:
    """Reserve disk space for one worker's metrics; raises SettingsError if there is none."""
    try:
        for kind, size in RESERVED_BYTES.items():
            handle = os.open(path(folder, kind, number), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(handle, 0, size)
            finally:
                os.close(handle)
    except OSError as error:
        raise SettingsError(
            f"The workers' metrics cannot be kept in {folder.parent} ({error.strerror}): make room "
            "there, or name another folder in TMPDIR."
        ) from None


def clear_gauges(folder: Path, number: int) -> None:
    """Reset the gauges of a worker that has ended; its counters stay.

    The files stay for its successor. prometheus-client's `mark_process_dead` would delete them.
    """
    for kind in GAUGES:
        file = path(folder, kind, number)
        if file.exists():  # it is missing if the worker ended early
            with file.open("r+b", buffering=0) as gauges:
                gauges.write(EMPTY)


def path(folder: Path, kind: str, number: int) -> Path:
    """Return the path at which prometheus-client looks for a file."""
    return folder / f"{kind}_{number}.db"
