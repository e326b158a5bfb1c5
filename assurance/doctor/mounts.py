"""Folders on file systems that may hang, such as NFS whose server is gone."""

import os
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Final

PATIENCE_S: Final = 10.0


def answers(
    folder: Path,
    patience_s: float = PATIENCE_S,
    look: Callable[[Path], object] = os.path.exists,
) -> bool:
    """Return whether the file system says within this time if the folder is there.

    The thread that asks is left behind where it does not: no signal wakes it.
    """
    asking = Thread(target=look, args=(folder,), daemon=True)
    asking.start()
    asking.join(patience_s)
    return not asking.is_alive()
