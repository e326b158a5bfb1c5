"""A hasty gateway in front of the fake engine."""

import pytest

from tests.contract.fixtures import Shared
from tests.contract.process import Gateway


@pytest.fixture(scope="package")
def the_gateway(the_gateways: Shared) -> Gateway:
    """The gateway the clients talk to."""
    return the_gateways(MMHIE_TIMEOUT_SECONDS="2")
