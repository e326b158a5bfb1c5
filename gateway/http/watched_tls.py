"""A TLS context that follows its files: certificates are renewed without a restart."""

import ssl
from collections.abc import Callable, Iterable
from pathlib import Path

from gateway.runtime.files import FileUnusable, WatchedFile, open_regular
from gateway.runtime.log import log
from gateway.settings.base import SettingsError


class WatchedTls:
    """The TLS context for new connections, made again when a file changes. While the new files
    cannot be used, the old context stays in use and a warning says why."""

    def __init__(
        self, names: str, files: Iterable[Path | None], make: Callable[[], ssl.SSLContext]
    ) -> None:
        """`names` are the settings. Raises SettingsError for a file that cannot be used."""
        self._names = names
        self._files = tuple(filter(None, files))
        self._make = make
        try:
            context = self._read()
        except FileUnusable as problem:
            raise SettingsError(
                f"{names} cannot be used ({problem}); the files are PEM, and the key has no "
                "password."
            ) from None
        self._watched = WatchedFile[ssl.SSLContext](
            *self._files, read=self._renew, initial=context, name=names
        )
        self._watched.skip()

    def context(self) -> ssl.SSLContext:
        """Return the context for the current files."""
        return self._watched.current()

    def warnings(self) -> list[str]:
        return [self._watched.problem] if self._watched.problem else []

    def _renew(self) -> ssl.SSLContext:
        context = self._read()
        log.info("the files of %s are renewed", self._names)
        return context

    def _read(self) -> ssl.SSLContext:
        try:
            for path in self._files:  # OpenSSL would wait for the writer of a pipe
                open_regular(path).close()
            return self._make()
        except OSError as error:  # ssl.SSLError is one
            is_format = isinstance(error, ssl.SSLError)
            reason = "not a certificate, or without its key" if is_format else error.strerror
            raise FileUnusable(str(reason)) from None


def new_context(protocol: int) -> ssl.SSLContext:
    """Return a context for HTTP/1.1 over TLS 1.2 or later.

    `ssl.create_default_context` would write session keys to SSLKEYLOGFILE.
    """
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def no_password() -> str:
    """Return no password; OpenSSL would otherwise prompt at the terminal."""
    return ""
