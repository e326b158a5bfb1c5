"""Every target by name."""

from collections.abc import Callable, Mapping

from tests.fuzz.callers import CALLERS
from tests.fuzz.engine import ENGINE
from tests.fuzz.files import FILES

TARGETS: Mapping[str, Callable[[bytes], None]] = {**ENGINE, **CALLERS, **FILES}
