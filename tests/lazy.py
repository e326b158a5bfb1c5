"""Modules that take seconds to import, imported when a test first uses them.

Every process that collects the tests would pay for them otherwise.
"""

import importlib
from typing import Any


class Lazy:
    """A module of this name, by the time that a public attribute of it is asked for.

    pytest asks every object of a test module for private ones, to find fixtures.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_"):
            raise AttributeError(attribute)
        return getattr(importlib.import_module(self._name), attribute)
