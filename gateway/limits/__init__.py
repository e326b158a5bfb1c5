"""Rate limits, the admission queue, the memory budget."""
