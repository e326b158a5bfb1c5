"""Unknown callers are counted in one line of the trail; all others have one each."""

import pytest

from gateway.audit.entry import is_unauthenticated
from gateway.principal import ANYBODY, Principal
from gateway.record import RequestRecord

KNOWN = Principal("ward-3", "key", frozenset())


@pytest.mark.parametrize("outcome", ["unauthorized", "method_not_allowed"])
@pytest.mark.parametrize(("principal", "is_unknown"), [(ANYBODY, True), (KNOWN, False)])
def test_a_caller_whose_key_was_withdrawn_is_known(
    outcome: str, principal: Principal, is_unknown: bool
) -> None:
    """Its request has a line of its own, with the answer as far as it came."""
    record = RequestRecord("id", "POST", principal=principal, outcome=outcome)

    assert is_unauthenticated(record) is is_unknown
