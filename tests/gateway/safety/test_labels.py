"""The label: its fields, truncations, missing answers, and what it never contains."""

import hashlib
import hmac

from gateway.api.request_text import Turn
from gateway.safety.disclaimer import Disclaimer
from gateway.safety.labels import (
    Ending,
    Labels,
    RequestFacts,
    Serving,
    format_digest,
    is_another_model,
    keyed_digest,
    merge,
    new_digest,
    repeatable,
    sampling,
)
from gateway.safety.red_flags.detection import finish
from gateway.safety.red_flags.screening import Screener
from gateway.safety.wording import Contacts

SERVING = Serving(
    gateway_version="0.1.0",
    engine="vllm",
    engine_version="0.32.0",
    model="dousery/medical-reasoning-gpt-oss-20b",
    base="openai/gpt-oss-20b",
    quantization="mxfp4",
)
FACTS = RequestFacts("low", {"temperature": 0.0}, "hmac-sha256:00")
FIRST = Labels.of(Disclaimer.of(), "Call 112.").initial(
    SERVING, FACTS, request_id="r-1", notice_rules=None
) | {"notices": [{"id": "MED101"}]}
LAST = Ending("length", "Take").label(
    ["harmony_markers_stripped"], digest="hmac-sha256:11", fingerprint="vllm-0.32.0-tp1-abc"
)
PROVENANCE = {
    *("request_id", "time", "gateway_version", "engine", "engine_version", "system_fingerprint"),
    *("model", "revision", "base", "base_revision", "adapter", "adapter_digest", "quantization"),
    *("pinned_date", "display_name", "reasoning_effort", "sampling", "prompt_digest"),
    *("notice_rules", "output_digest"),
}


def test_both_parts_together_are_the_whole_contract() -> None:
    """Both halves have exactly the documented fields; a stream has each fact once, in its first or
    last chunk."""
    mmhie = merge(FIRST, LAST)

    assert not set(FIRST["provenance"]) & set(LAST["provenance"])
    assert set(FIRST) & set(LAST) == {"provenance"}

    assert set(mmhie) == {
        *("disclaimer", "emergency_note", "ai_generated", "ai_label", "provenance", "truncated"),
        *("warnings", "notices"),
    }
    assert set(mmhie["provenance"]) == PROVENANCE
    assert mmhie["ai_generated"] is True
    assert mmhie["ai_label"]["code"] == "AIAST"


def test_the_end_names_the_disclaimer_and_does_not_repeat_it() -> None:
    """A reader of the last chunk alone knows the version of the disclaimer, and the red flags."""
    again = merge(repeatable(FIRST), LAST)
    text = FIRST["disclaimer"]["text"]

    assert again["disclaimer"] | {"text": text} == FIRST["disclaimer"]
    assert again["notices"] == FIRST["notices"]
    assert text not in str(again)
    assert again["provenance"] == LAST["provenance"]


def test_digests_need_the_key() -> None:
    """Another key gives another digest, and it is not a plain hash. Streams give the same digest;
    half a surrogate pair is no error."""
    text, running = "fünf mg", new_digest(b"a")
    for piece in ("fünf", " mg"):
        running.update(piece.encode())
    own = "hmac-sha256:" + hmac.new(b"a", text.encode(), hashlib.sha256).hexdigest()

    assert keyed_digest(b"a", text) == keyed_digest(b"a", text.encode()) == own
    assert format_digest(running) == own
    assert keyed_digest(b"b", text) != own
    assert keyed_digest(b"a", "\ud800") != keyed_digest(b"a", "")


def test_sampling_holds_numbers_only() -> None:
    """No text of a client is in the provenance: stop sequences may be patient text."""
    body = {"temperature": 0, "top_p": 0.9, "stop": ["Mrs Jones"], "seed": "Mrs Jones", "n": True}

    assert sampling(body) == {"temperature": 0, "top_p": 0.9}


def test_only_another_name_is_another_model() -> None:
    """An answer without a name, or a gateway that knows none, gives no warning."""
    assert is_another_model("theirs", ["ours"])
    assert not any(is_another_model(*each) for each in ((None, ["ours"]), ("m", ()), ("m", "m")))


def test_notices_come_for_texts_of_any_language() -> None:
    """The notice has the topic and the contact, for each language."""
    screener = Screener.of(contacts=Contacts("112"))
    texts = ("Mein Vater hat gerade starke Brustschmerzen", "Tengo un dolor fuerte en el pecho")
    for text in texts:
        (notice,) = screener.notices_of(finish(screener.screen([Turn("user", text)])))
        assert notice["id"] == "MED101"
        assert "112" in notice["message"]


def test_digests_compare_under_one_key_only() -> None:
    """The same key gives the same digest; without a key each start differs."""

    def digest(key: str | None) -> str:
        labels = Labels.of(Disclaimer.of(), "Call 112.", key)
        return labels.collect_facts({}, b"p").prompt_digest

    assert digest("k") == digest("k")
    assert digest(None) != digest(None)
