"""The classes of uvicorn that ours are made of, whose methods it does not promise to keep.

A new version that changes one of them fails here. Read the change, adapt `gateway/server/`,
and only then renew the digest; pyproject.toml pins the minor version.
"""

import hashlib
import inspect
from importlib.metadata import version

import pytest
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.server.drain import DrainingServer
from gateway.server.http_protocol import HttpProtocol, ResponseCycle

OURS = (HttpProtocol, ResponseCycle, DrainingServer)
DIGESTS = {
    HttpToolsProtocol: "18fdf324b11b",
    RequestResponseCycle: "e67d470d435d",
    FlowControl: "126debcdaa89",
    uvicorn.Server: "06e799f7c58f",
}


@pytest.mark.parametrize("part", DIGESTS, ids=lambda part: part.__qualname__)
def test_it_is_as_we_know_it(part: type) -> None:
    """To the letter: what is overridden calls it, and what it calls."""
    digest = hashlib.sha256(inspect.getsource(part).encode()).hexdigest()[:12]

    assert digest == DIGESTS[part], f"uvicorn {version('uvicorn')} changed {part}"


def test_all_that_is_overridden_is_watched() -> None:
    """Every class of uvicorn's that one of ours is made of."""
    bases = {base for ours in OURS for base in ours.__mro__}

    assert {base for base in bases if base.__module__.startswith("uvicorn.")} <= DIGESTS.keys()
