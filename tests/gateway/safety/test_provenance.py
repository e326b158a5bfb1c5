"""The `mmhie` object: what it says and what it never says."""

import hashlib
import hmac
import re
from pathlib import Path

from gateway.safety.disclaimer import Disclaimer
from gateway.safety.labels import Ending
from gateway.safety.provenance import (
    Call,
    Serving,
    format_digest,
    keyed_digest,
    merge,
    new_digest,
    repeatable,
    sampling,
    static,
)

SERVING = Serving(
    gateway_version="0.1.0",
    engine="vllm",
    engine_version="0.32.0",
    model="dousery/medical-reasoning-gpt-oss-20b",
    base="openai/gpt-oss-20b",
    quantization="mxfp4",
)
CALL = Call(
    request_id="r-1",
    time="2026-11-25T00:00:00.000Z",
    prompt_digest="hmac-sha256:00",
    reasoning_effort="low",
    sampling={"temperature": 0.0},
)
FIRST = static(Disclaimer.of(), "Call 112.", SERVING, CALL, [{"id": "MED101"}])
LAST = Ending("length", "Take").label(
    ["harmony_markers_stripped"], (), digest="hmac-sha256:11", fingerprint="vllm-0.32.0-tp1-abc"
)
PROVENANCE = {
    *("request_id", "time", "gateway_version", "engine", "engine_version", "system_fingerprint"),
    *("model", "revision", "base", "base_revision", "adapter", "adapter_digest", "quantization"),
    *("pinned_date", "display_name", "reasoning_effort", "sampling", "prompt_digest"),
    *("notice_rules", "output_digest"),
}
API = Path(__file__).parents[3] / "docs" / "api.md"


def test_both_parts_together_are_the_whole_contract() -> None:
    """Every field of design section 4 is there, known or null, and nothing besides; a stream
    carries each fact once, in its first chunk or in its last."""
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


def test_the_documentation_names_every_field() -> None:
    """One table has each field, and the one of a second reader, there only where it was asked."""
    table = API.read_text().partition("### Provenance\n")[2].partition("\n#")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]

    names = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert names == {*PROVENANCE, "notice_reader"}


def test_the_end_names_the_disclaimer_and_does_not_repeat_it() -> None:
    """A reader of the last chunk alone knows which wording applies, and sees the red flags."""
    again = merge(repeatable(FIRST), LAST)
    text = FIRST["disclaimer"]["text"]

    assert again["disclaimer"] | {"text": text} == FIRST["disclaimer"]
    assert again["notices"] == FIRST["notices"]
    assert text not in str(again)
    assert again["provenance"] == LAST["provenance"]


def test_digests_need_the_key() -> None:
    """The same text under another key looks different; a bare hash is not what is written. Streams
    are digested as they pass; half a surrogate pair is no reason to fail a request."""
    text, running = "fünf mg", new_digest(b"a")
    for piece in ("fünf", " mg"):
        running.update(piece.encode())
    own = "hmac-sha256:" + hmac.new(b"a", text.encode(), hashlib.sha256).hexdigest()

    assert keyed_digest(b"a", text) == keyed_digest(b"a", text.encode()) == own
    assert format_digest(running) == own
    assert keyed_digest(b"b", text) != own
    assert keyed_digest(b"a", "\ud800") != keyed_digest(b"a", "")


def test_sampling_holds_numbers_only() -> None:
    """No string a client sends can ride into provenance: stop sequences may be patient text."""
    body = {"temperature": 0, "top_p": 0.9, "stop": ["Mrs Jones"], "seed": "Mrs Jones", "n": True}

    assert sampling(body) == {"temperature": 0, "top_p": 0.9}
