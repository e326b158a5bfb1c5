"""The table of docs/surfaces.md, which tests/safety compares with what happens."""

from tests.safety.places import page

BLOCKS = {"surfaces": page}
