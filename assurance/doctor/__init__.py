"""Self-test of the configuration."""
