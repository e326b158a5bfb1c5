"""The files that workers count in: prometheus-client maps them, and makes them sparse. A page that
then finds no room on the disk ends the process by SIGBUS, and the next one; so room is kept first.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from gateway.metrics import Mode
from gateway.settings import SettingsError

MIB = 1024 * 1024
GAUGES = tuple(f"gauge_{mode}" for mode in get_args(Mode))
# Several times what every route, method and outcome together come to.
ROOM_BYTES: Mapping[str, int] = {
    **dict.fromkeys(("counter", "histogram", "summary"), MIB),
    **dict.fromkeys(GAUGES, MIB // 16),
}
NOTHING_USED = bytes(4)  # how a file of prometheus-client begins that holds no value


def reserve(folder: Path, number: int) -> None:
    """Room for the counts of the worker of this number. Raises SettingsError when there is none."""
    try:
        for kind, size in ROOM_BYTES.items():
            handle = os.open(path(folder, kind, number), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(handle, 0, size)
            finally:
                os.close(handle)
    except OSError as error:
        raise SettingsError(
            f"The workers' counts cannot be kept in {folder.parent} ({error.strerror}): make room "
            "there, or name another folder in TMPDIR."
        ) from None


def forget_present(folder: Path, number: int) -> None:
    """What a dead worker said of the moment no longer counts; its totals do. The room stays for
    its successor (prometheus-client's own `mark_process_dead` would give it back)."""
    for kind in GAUGES:
        file = path(folder, kind, number)
        if file.exists():  # not when it died before it had any
            with file.open("r+b", buffering=0) as present:
                present.write(NOTHING_USED)


def path(folder: Path, kind: str, number: int) -> Path:
    """Where prometheus-client looks for it."""
    return folder / f"{kind}_{number}.db"
