"""A real HTTP server process that speaks vLLM 0.32's wire format and misbehaves on request."""
