"""Several gateway processes on one port, and the parent that keeps them up."""
