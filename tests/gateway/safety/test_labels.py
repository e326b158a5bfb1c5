"""The labels of model output."""

from typing import Any

from gateway.safety.disclaimer import Disclaimer
from gateway.safety.labels import Labels
from gateway.safety.provenance import Serving
from gateway.safety.red_flags.screening import GENERAL, Policy

SERVING = Serving(gateway_version="1", engine="vllm", engine_version="0.32.0", model="m")


def test_notices_come_in_the_configured_languages() -> None:
    """A German reason is named where German is switched on; a possible emergency is one in any
    language."""
    question = "Mein Vater hat gerade starke Brustschmerzen"

    def found(*languages: str) -> list[Any]:
        policy = Policy(languages=languages or ("en",))
        labels = Labels.of(Disclaimer.of(), key="k", emergency_contact="112", policy=policy)
        return list(labels.screen([question]).notices)

    assert [notice["id"] for notice in found()] == [GENERAL]
    assert [notice["id"] for notice in found("en", "de")] == ["MED101"]
    assert "112" in found("en", "de")[0]["message"]


def test_another_wording_has_another_version() -> None:
    """Languages, contact and audience decide what a notice says; where nobody is to read one,
    nothing was screened."""

    def version(**changed: Any) -> str | None:
        return Labels.of(Disclaimer.of(), **{"emergency_contact": "112", **changed}).notice_rules

    changes: tuple[dict[str, Any], ...] = (
        {},
        {"emergency_contact": "911"},
        {"policy": Policy(languages=("en", "de"))},
        {"policy": Policy(threshold=0.9)},
        {"policy": Policy(with_records=True)},
        {"audience": "patient"},
        {"audience": "off"},
    )
    assert version() == version()
    assert len({version(**changed) for changed in changes}) == len(changes)
    assert version(audience="off") is None


def test_digests_compare_under_one_key_only() -> None:
    """With the same key the same prompt has the same digest; without one, each start differs."""

    def digest(key: str | None) -> str:
        labels = Labels.of(Disclaimer.of(), key=key, emergency_contact="112")
        first = labels.initial(SERVING, {}, request_id="r", prompt=b"p")
        return str(first["provenance"]["prompt_digest"])

    assert digest("k") == digest("k")
    assert digest(None) != digest(None)
