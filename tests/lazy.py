"""Modules that take seconds to import, imported when a test first uses them.

Every process that collects the tests would pay for them otherwise.
"""

import importlib
from typing import Any


class Lazy:
    """A module of this name, by the time that an attribute of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)
