"""
The service before a running engine: `uvicorn app.llm.reasoning_service:app`.

It needs the package mmhie-server. In production use `mmhie serve` instead: it starts the engine,
too, and closes connections that send their request too slowly.
"""

from gateway.app import create_app
from gateway.startup_checks import load_checked

app = create_app(load_checked())
