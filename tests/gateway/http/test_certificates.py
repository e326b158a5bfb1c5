"""The gateway's own certificates: warned of two weeks before they expire."""

import datetime
from pathlib import Path

import pytest

from tests.contract.fixtures import Start
from tests.fake_engine.process import FakeEngine
from tests.gateway.server.certificates import HOUR, Authority
from tests.waiting import until

DAY = datetime.timedelta(days=1)


@pytest.mark.parametrize(
    ("left", "words"),
    [(15 * DAY, None), (13 * DAY, "expires on"), (-HOUR, "expired on")],
    ids=["15 days", "13 days", "expired"],
)
def test_a_certificate_that_expires(
    start: Start, engine: FakeEngine, tmp_path: Path, left: datetime.timedelta, words: str | None
) -> None:
    """A warning in /healthz, and the end in the metrics; a renewed file ends the warning."""
    authority = Authority(tmp_path, "ours")
    own = authority.issue("caller", since=-2 * DAY, until=left)
    gateway = start(engine.url, MMHIE_CLIENT_CERTIFICATE=str(own.both)).wait("/healthz")

    def warnings() -> list[str]:
        health = gateway.client.get("/healthz").json()
        return [text for text in health["warnings"] if "certificate" in text]

    assert len(warnings()) == (words is not None)
    if words is not None:
        (sentence,) = warnings()
        assert f"MMHIE_CLIENT_CERTIFICATE {words} 20" in sentence
        authority.issue("caller", until=90 * DAY)
        until(lambda: not warnings())
    name = 'mmhie_certificate_expiry_timestamp_seconds{setting="MMHIE_CLIENT_CERTIFICATE"}'
    assert f"\n{name} 1." in gateway.client.get("/metrics").text
