"""The client side of the engine: connections, errors, state, metrics."""
