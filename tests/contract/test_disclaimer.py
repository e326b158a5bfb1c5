"""The disclaimer on every surface, whatever the answer, and not removable by a client."""

import hashlib

import pytest

from tests.contract.process import Gateway
from tests.contract.surfaces import (
    ON_V1,
    RESPONSES,
    SURFACES,
    Surface,
    mmhie_of,
    name_of,
    readable,
)
from tests.contract.surfaces import TEXT as PLAIN
from tests.fake_engine.process import FakeEngine
from tests.gateway.counts import counted

TEXT = (
    "Model outputs are not clinical advice. They must not be used for diagnosis or treatment"
    " decisions without review by a licensed clinician."
)
NOTE = "This is not an emergency detector. In an emergency call the ward's emergency number."
CARRIERS = tuple(surface for surface in SURFACES if surface.form != "text")
STRIPPED = 'mmhie_warnings_total{kind="harmony_markers_stripped"}'


@pytest.mark.parametrize("surface", CARRIERS, ids=name_of)
def test_an_answer_of_another_model_says_so(
    gateway: Gateway, engine: FakeEngine, surface: Surface
) -> None:
    """Provenance is of the model that is listed; the warning says that it may be wrong."""
    engine.options(answers_as="another")
    other = mmhie_of(surface, surface.ask(gateway.client))
    engine.options(answers_as=None)
    own = mmhie_of(surface, surface.ask(gateway.client))

    assert other["warnings"] == [*own["warnings"], "other_model"]
    assert other["provenance"]["model"] == "fake-model"
    assert "other_model" not in own["warnings"]


@pytest.mark.parametrize("surface", CARRIERS, ids=name_of)
def test_the_mmhie_object_says_where_the_answer_came_from(
    gateway: Gateway, surface: Surface
) -> None:
    """Provenance, disclaimer, label, truncation, warnings and notices, on every surface."""
    answer = surface.ask(gateway.client, **surface.limit(3))

    mmhie = mmhie_of(surface, answer)
    disclaimer = mmhie["disclaimer"]
    assert disclaimer["text"] == TEXT
    assert disclaimer["sha256"] == hashlib.sha256(TEXT.encode()).hexdigest()
    assert disclaimer["version"] == answer.headers["x-mmhie-disclaimer-version"]
    assert disclaimer["id"]
    assert mmhie["emergency_note"] == NOTE
    assert answer.text.count(NOTE) == (
        2 if surface.path == RESPONSES and surface.form == "sse" else 1
    )
    assert mmhie["ai_generated"] is True
    assert mmhie["ai_label"]["code"] == "AIAST"
    assert mmhie["truncated"] == "in_answer"
    assert isinstance(mmhie["warnings"], list)
    assert isinstance(mmhie["notices"], list)
    provenance = mmhie["provenance"]
    assert provenance["request_id"] == answer.headers["x-request-id"]
    assert provenance["engine"] == "vllm"
    assert provenance["engine_version"] == "0.32.0"
    assert provenance["model"] == "fake-model"
    assert provenance["gateway_version"]
    assert provenance["time"].endswith("Z")
    assert provenance["prompt_digest"].startswith("hmac-sha256:")
    assert provenance["output_digest"].startswith("hmac-sha256:")


def test_plain_text_closes_with_it(gateway: Gateway) -> None:
    """As a paragraph of its own, once, the emergency note on the line below it; before it a cut: a
    dose cut in mid-sentence must not read as whole."""
    for limit, before in ((3, "[cut off: token limit]"), (100, "")):
        answer = PLAIN.ask(gateway.client, max_tokens=limit)

        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.text.endswith(f"{before}\n\n{TEXT}\n{NOTE}\n")
        assert answer.text.count(TEXT) == answer.text.count(NOTE) == 1
        assert ("[cut off" in answer.text) == bool(before)


@pytest.mark.parametrize("surface", ON_V1, ids=name_of)  # the other refuses unknown fields
def test_a_client_cannot_remove_it(gateway: Gateway, engine: FakeEngine, surface: Surface) -> None:
    """Not by asking for another disclaimer, nor by a field of its own."""
    answer = surface.ask(gateway.client, mmhie=None, disclaimer="")

    assert answer.status_code == 200
    assert mmhie_of(surface, answer)["disclaimer"]["text"] == TEXT


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_no_surface_shows_a_control_marker(
    gateway: Gateway, engine: FakeEngine, surface: Surface
) -> None:
    """Broken Harmony is stripped, named and counted, wherever the answer leaves."""
    engine.next(fault="harmony", finish="length")
    before = counted(gateway, STRIPPED)
    answer = surface.ask(gateway.client)

    assert answer.status_code == 200
    assert "<|" not in answer.text
    assert "Take two" in readable(answer)
    if surface.form != "text":
        assert "harmony_markers_stripped" in mmhie_of(surface, answer)["warnings"]
    assert counted(gateway, STRIPPED) == before + 1
