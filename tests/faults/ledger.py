"""Findings of the tests, kept for scripts/render/faults.py."""

from typing import Final

from tests.compatibility.ledger import ROOT, Ledger

FOUND: Final = Ledger(ROOT / ".cache" / "faults.json")
