"""The gateway measured against the field: `make bench`, `make bench-quick`."""
