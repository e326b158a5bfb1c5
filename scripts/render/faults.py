"""docs/faults.md: the tables of the engine's faults, which tests/faults holds to what happens."""

from tests.faults.page import tables

BLOCKS = {"faults": tables}
