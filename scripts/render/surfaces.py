"""The table of docs/surfaces.md, which tests/safety holds to what happens."""

from tests.safety.places import page

BLOCKS = {"surfaces": page}
