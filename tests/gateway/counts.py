"""Counts of a gateway, from its /metrics."""

from tests.contract.process import Gateway


def counted(gateway: Gateway, name: str) -> float:
    """Return the sum of the series whose name begins with this."""
    lines = gateway.client.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))
