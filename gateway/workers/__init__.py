"""Several gateway processes on one port, and the supervisor that starts and restarts them."""
