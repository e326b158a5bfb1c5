"""The version, as a constant: reading it from the installed metadata would cost 30 ms at import."""

__version__ = "0.2.0"
