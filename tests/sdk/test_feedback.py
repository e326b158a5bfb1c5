"""Feedback through both clients; tests/gateway/feedback has it against the real gateway."""

import mmhie
import pytest

from tests.sdk.conftest import Connect, Serve
from tests.sdk.scripted_server import reply

RECEIPT = {
    "id": "fb-1",
    "request_id": "r-1",
    "created": "2026-11-26T01:46:06.262Z",
    "duplicate": False,
    "audited": True,
}


def test_the_request_and_the_receipt(serve: Serve, connect: Connect) -> None:
    """Fields that are None are left out; a sign-off has no severity."""
    server = serve(reply(RECEIPT), reply({**RECEIPT, "duplicate": True}))
    client = connect(server.url)
    receipt = client.feedback("r-1", "incorrect", "low", comment="5 mg?", corrected_text="50 mg")
    again = client.feedback("r-1", "signed_off")

    assert receipt == mmhie.FeedbackReceipt(
        "fb-1", "r-1", str(RECEIPT["created"]), duplicate=False, audited=True
    )
    assert again.duplicate
    assert server.calls[0].path == "/v1/mmhie/feedback"
    assert server.calls[0].json() == {
        "request_id": "r-1",
        "category": "incorrect",
        "severity": "low",
        "comment": "5 mg?",
        "corrected_text": "50 mg",
    }
    assert server.calls[1].json() == {"request_id": "r-1", "category": "signed_off"}


@pytest.mark.parametrize("junk", [{"id": "fb-1"}, []])
def test_a_receipt_that_is_none(serve: Serve, connect: Connect, junk: object) -> None:
    """It does not look as if the feedback were stored."""
    with pytest.raises(mmhie.UnavailableError):
        connect(serve(reply(junk)).url).feedback("r-1", "other", "low")
