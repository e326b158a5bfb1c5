"""The gateway's settings: one class a file; `gateway` has them all, `base` the loader."""
