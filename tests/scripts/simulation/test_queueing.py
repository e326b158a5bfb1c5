"""Queueing theory against values worked out by hand, and against itself."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.capacity.engine_load import mg1_wait_s
from tests.scripts.simulation import queueing


def test_littles_law() -> None:
    """Ten a second that stay three seconds are thirty."""
    assert queueing.in_system(10, 3) == 30


def test_one_server_is_mm1() -> None:
    """Busy at 0.8: waits with probability 0.8, for s * rho / (1 - rho) = 4 service times."""
    assert queueing.erlang_c(0.8, 1) == pytest.approx(0.8)
    assert queueing.mmc_wait_s(0.8, 1.0, 1) == pytest.approx(4.0)


def test_two_servers() -> None:
    """Offered 1 Erlang to 2: B = (1/2) / (1 + 1 + 1/2) = 1/5, C = 1/3, wait = C * s / (c - a)."""
    assert queueing.erlang_b(1, 2) == pytest.approx(1 / 5)
    assert queueing.erlang_c(1, 2) == pytest.approx(1 / 3)
    assert queueing.mmc_wait_s(1, 1, 2) == pytest.approx(1 / 3)


def test_md1_waits_half_of_mm1() -> None:
    """Pollaczek-Khinchine: the squared variation is 0 and 1."""
    assert mg1_wait_s(0.8, 1.0) == pytest.approx(2.0)
    assert mg1_wait_s(0.8, 1.0, 1.0) == pytest.approx(queueing.mmc_wait_s(0.8, 1.0, 1))


@pytest.mark.parametrize("rate", [1.0, 2.0])
def test_what_never_settles(rate: float) -> None:
    """An infinite wait, a certain one."""
    assert mg1_wait_s(rate, 1.0) == math.inf
    assert queueing.mmc_wait_s(rate, 1.0, 1) == math.inf
    assert queueing.erlang_c(rate, 1) == 1.0


@given(offered=st.floats(0.01, 50), servers=st.integers(1, 60))
def test_more_servers_never_wait_longer(offered: float, servers: int) -> None:
    """And a probability is one."""
    fewer, more = queueing.erlang_c(offered, servers), queueing.erlang_c(offered, servers + 1)

    assert 0 <= more <= fewer <= 1
    assert queueing.mmc_wait_s(offered, 1, servers + 1) <= queueing.mmc_wait_s(offered, 1, servers)
