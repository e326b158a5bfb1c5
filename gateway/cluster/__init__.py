"""State shared by several gateways through Redis: rate limits, holds, revoked keys."""


class RedisUnavailable(Exception):
    """Redis cannot be used now; the message is the predicate of a sentence about Redis."""
