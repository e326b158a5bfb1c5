"""Every target by name."""

from collections.abc import Callable, Mapping

from tests.fuzz.callers import CALLERS
from tests.fuzz.engine import ENGINE

TARGETS: Mapping[str, Callable[[bytes], None]] = {**ENGINE, **CALLERS}
