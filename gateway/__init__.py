"""The gateway: one well-behaved HTTP service in front of a vLLM engine."""
