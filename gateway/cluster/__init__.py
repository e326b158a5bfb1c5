"""State shared by several gateways through Redis: rate limits, holds, revoked keys."""
