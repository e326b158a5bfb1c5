"""One line after another, each bound to the one before."""

import hashlib
import hmac
import json

from hypothesis import given
from hypothesis import strategies as st

from gateway.audit import chain
from gateway.audit.chain import START, ChainHead

MAC = chain.new_mac("k" * 32)
RECORD = {"kind": "request", "status": 200, "client": 'wärd "7"'}


def test_a_line_can_be_checked_with_nothing_of_ours() -> None:
    """HMAC-SHA256 over the bytes before the last field, closed by a brace."""
    line, head = chain.signed_line(RECORD, START, MAC)

    content, _, proof = line.rstrip(b"\n").rpartition(b',"mac":"')
    expected = hmac.new(b"k" * 32, content + b"}", hashlib.sha256).hexdigest()
    assert proof == expected.encode() + b'"}'
    assert json.loads(line) == {"seq": 1, "prev": "0" * 64, **RECORD, "mac": expected}
    assert head == ChainHead(1, expected)


@given(st.data())
def test_no_byte_can_be_changed(data: st.DataObject) -> None:
    """Any byte, changed to any other: the line is not genuine, or no line any more."""
    line, _ = chain.signed_line(RECORD, START, MAC)
    line = line[:-1]
    at = data.draw(st.integers(0, len(line) - 1))
    changed = data.draw(st.integers(0, 255).filter(lambda byte: byte != line[at]))
    opened = chain.parse_line(line[:at] + bytes([changed]) + line[at + 1 :], MAC)

    assert opened is None or not opened.is_genuine
