"""Training and evaluation of the red-flag classifier (docs/red-flags.md)."""
