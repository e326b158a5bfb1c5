"""One engine over several machines."""
