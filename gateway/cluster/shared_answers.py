"""Answers that other gateways gave, for a day, so that feedback may reach any of them."""

from gateway.cluster.redis_store import RedisStore, RedisUnavailable

A_DAY_S = 86_400


class SharedAnswers:
    """Notes of answers in Redis, each under a name; none while Redis is away."""

    def __init__(self, store: RedisStore, prefix: str) -> None:
        self._store = store
        self._prefix = f"{prefix}:answered:"

    def put(self, name: str, content: bytes) -> None:
        """Note an answer for other gateways; nobody waits for it."""
        self._store.send("SET", self._prefix + name, content, "EX", A_DAY_S)

    async def get(self, name: str) -> bytes | None:
        """Return what was noted under a name in the last day."""
        try:
            answer: bytes | None = await self._store.ask("GET", self._prefix + name)
        except RedisUnavailable:
            return None
        return answer
