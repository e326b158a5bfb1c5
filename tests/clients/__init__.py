"""The clients people use, pointed at the gateway: what they parse, raise and cancel."""
