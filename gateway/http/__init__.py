"""HTTP exchanges, server-sent events, and TLS as a client."""
