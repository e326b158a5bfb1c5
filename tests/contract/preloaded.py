"""What every gateway imports, and makes of files that do not change, before it reads a setting."""

from gateway.processes import foreground
from gateway.safety.red_flags.model import model

__all__ = ["foreground"]

model()
