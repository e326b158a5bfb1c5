"""A self-test of the configuration."""
