"""Checks of API requests: policy, structure and text; and FastAPI's errors."""
