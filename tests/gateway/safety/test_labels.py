"""The labels of model output."""

import asyncio
from itertools import chain
from typing import Any

from gateway.app import open_services
from gateway.metrics import Metrics
from gateway.safety.disclaimer import Disclaimer
from gateway.safety.labels import Labels
from gateway.safety.provenance import Serving
from gateway.safety.red_flags.rules import RULES
from gateway.safety.red_flags.screening import GENERAL, Policy
from gateway.settings import GatewaySettings

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


def compiled(language: str) -> set[bool]:
    """Return which there are among a language's patterns: compiled ones, others."""
    signs = (rule.signs[language] for rule in RULES if language in rule.signs)
    return {"_compiled" in vars(pattern) for each in signs for pattern in each.patterns()}


def forget_signs() -> None:
    """Let every pattern be one that no text needed yet."""
    for signs in chain.from_iterable(rule.signs.values() for rule in RULES):
        for pattern in signs.patterns():
            vars(pattern).pop("_compiled", None)


def test_signs_are_compiled_before_a_text_needs_them() -> None:
    """Those of the configured languages, and none where nobody is to read notices."""
    forget_signs()

    Labels.of(Disclaimer.of(), audience="off").warm_up()
    assert compiled("en") == {False}
    Labels.of(Disclaimer.of(), policy=Policy(languages=("en",))).warm_up()
    assert compiled("en") == {True}
    assert compiled("de") == {False}


async def test_a_gateway_compiles_signs_beside_its_first_requests() -> None:
    """In a thread, and nobody has to ask for it."""
    forget_signs()
    settings = GatewaySettings(engine_url="unix:/nowhere")

    async with open_services(settings, Disclaimer.of(), Metrics(), None):
        (warming,) = (task for task in asyncio.all_tasks() if task.get_name() == "signs")
        await warming
        assert compiled("en") == {True}
