"""The tables of docs/faults.md, which tests/faults compares with what happens."""

from tests.faults.page import tables

BLOCKS = {"faults": tables}
