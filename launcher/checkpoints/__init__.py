"""Checkpoints that are made: merged adapters, converted GGUF files."""
