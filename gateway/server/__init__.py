"""The HTTP server: uvicorn with connection limits, TLS and draining."""
