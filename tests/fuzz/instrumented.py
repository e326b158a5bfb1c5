"""Every target, with the gateway's code as atheris watches it."""

import contextlib
import io

import atheris

with (
    contextlib.redirect_stderr(io.StringIO()),  # it names every module
    atheris.instrument_imports(include=["gateway"]),
):
    from tests.fuzz.targets import TARGETS

__all__ = ["TARGETS"]
