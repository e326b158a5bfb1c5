"""The head of a response, as our cycle writes it."""

import pytest

from tests.gateway.proxy.relayed import Socket, cycle_on

ALLOWED = {9, *range(32, 127), *range(128, 256)}


@pytest.mark.parametrize("byte", range(256))
async def test_no_header_breaks_the_head(byte: int) -> None:
    """A control character in a header is a fault of ours; a tab and other bytes are sent."""
    caller = Socket()
    value = b"a%cb" % byte
    sending = cycle_on(caller).send(
        {"type": "http.response.start", "status": 200, "headers": [(b"x-name", value)]}
    )

    if byte in ALLOWED:
        await sending
        assert b"x-name: %b\r\n" % value in b"".join(caller.written)
    else:
        with pytest.raises(RuntimeError, match="control character"):
            await sending
        assert not caller.written
