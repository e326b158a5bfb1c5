"""Imports of every gateway, and objects made of files that do not change, before any setting."""

from gateway import serve
from gateway.safety.red_flags.model import model

__all__ = ["serve"]

model()
