"""A service under test: a real gateway before the fake engine, at its address."""

from typing import Any

from assurance.acceptance.check import Finding, run_check
from assurance.acceptance.run import CHECKS
from assurance.acceptance.target import ServiceFacts, Target

FACTS: dict[str, Any] = {
    "model": "fake-model",
    "max_model_len": 8192,
    "is_reasoning": None,
    "has_chat_template": True,
}


async def finding_of(
    name: str, url: str, key: str | None = None, direct: str = "", **facts: Any
) -> Finding:
    """Return the finding of a check on the service at this address."""
    async with Target(url, key, ServiceFacts(**FACTS | facts), direct) as target:
        return await run_check(name, CHECKS[name], target)
