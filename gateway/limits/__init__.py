"""Rate limits and the admission queue."""
