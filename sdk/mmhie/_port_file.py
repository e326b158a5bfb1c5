"""The file that leads other processes to a local server."""

import fcntl
import os
from pathlib import Path

from mmhie._errors import ConfigError

LONGEST = len("65535")


class PortFile:
    """The port of a server; the process that has started the server keeps the file locked.

    The lock ends with the process, however that ends.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def lock(self) -> bool:
        """Return whether this process has the lock; take it if it is free. Raises ConfigError."""
        if self._descriptor is not None:
            return True
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        self.write(0)  # the port there is that of a server which is gone
        return True

    def write(self, port: int) -> None:
        """Write the port for other processes, or 0 to have them wait; this one has the lock."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, str(port).encode(), 0)

    def port(self) -> int:
        """Return the port; 0 while the server is only about to start."""
        if self._descriptor is None:
            return int(self._path.read_bytes() or 0)
        return int(os.pread(self._descriptor, LONGEST, 0) or 0)

    def close(self) -> None:
        """Give the lock up; in a forked child, leave it to the parent alone."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            message = f"{self._path} cannot be written ({error.strerror}); set MMHIE_CACHE_DIR."
            raise ConfigError(message) from error
