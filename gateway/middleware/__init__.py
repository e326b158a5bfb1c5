"""Plain ASGI, one concern per file."""
