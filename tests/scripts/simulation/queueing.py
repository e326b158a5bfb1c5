"""The queueing theory that is used: Little's law, M/M/c, M/G/1."""

import math


def in_system(rate: float, seconds: float) -> float:
    """Little's law: how many are inside when `rate` a second stay `seconds` each."""
    return rate * seconds


def erlang_b(offered: float, servers: int) -> float:
    """The share of calls a loss system of `servers` refuses; `offered` in Erlang."""
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered * blocked / (count + offered * blocked)
    return blocked


def erlang_c(offered: float, servers: int) -> float:
    """The probability of having to wait in M/M/c; 1 where it never settles."""
    if offered >= servers:
        return 1.0
    blocked = erlang_b(offered, servers)
    return blocked / (1 - offered / servers * (1 - blocked))


def mmc_wait_s(rate: float, service_s: float, servers: int) -> float:
    """Mean wait before service in M/M/c; infinite where it never settles."""
    offered = rate * service_s
    if offered >= servers:
        return math.inf
    return erlang_c(offered, servers) * service_s / (servers - offered)
