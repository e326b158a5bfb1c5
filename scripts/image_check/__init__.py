"""The image check; `python -m scripts.image_check` runs it."""
