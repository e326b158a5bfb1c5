"""Child processes: start, output, restarts, stop."""
