"""What the engine, the machine and the callers can do to the gateway, and what it makes of it."""
