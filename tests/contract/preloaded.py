"""What every gateway imports, and makes of files that do not change, before it reads a setting."""

from gateway import foreground
from gateway.safety.red_flags import screening
from gateway.safety.red_flags.classifier.model import model
from gateway.safety.red_flags.notices import red_flags

__all__ = ["foreground"]

model()
red_flags(screening.DEFAULT.languages).compile_signs()
