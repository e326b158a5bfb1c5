"""The side of the callers: their connections, and what of HTTP is taken from them."""
