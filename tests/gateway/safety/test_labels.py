"""The labels of model output, and the text that is searched for red flags."""

from typing import Any

import pytest

from gateway.safety.disclaimer import Disclaimer
from gateway.safety.labels import Labels, user_text
from gateway.safety.provenance import Serving

SERVING = Serving(gateway_version="1", engine="vllm", engine_version="0.32.0", model="m")
USER = {"role": "user"}

REQUESTS: list[tuple[dict[str, Any], str]] = [
    ({"messages": [USER | {"content": "a"}, {"role": "assistant", "content": "x"}]}, "a"),
    ({"messages": [USER | {"content": "a"}, USER | {"content": "b"}]}, "a\nb"),
    ({"messages": [USER | {"content": str(n)} for n in range(5)]}, "2\n3\n4"),
    ({"messages": [USER | {"content": [{"type": "text", "text": "a"}, {"type": "x"}]}]}, "a"),
    ({"messages": [{"role": "system", "content": "x"}]}, ""),
    ({"prompt": "p"}, "p"),
    ({"prompt": ["p", "q"]}, "p\nq"),
    ({"prompt": [1, 2, 3]}, ""),
    ({"input": "i"}, "i"),
    ({"input": [USER | {"content": "i"}]}, "i"),
    ({"messages": "nonsense"}, ""),
    ({"messages": [None, 3, USER]}, ""),
    ({}, ""),
]


@pytest.mark.parametrize(("body", "text"), REQUESTS)
def test_the_callers_own_words_are_searched(body: dict[str, Any], text: str) -> None:
    """The last user turns or the prompt; never the system's or the assistant's words."""
    assert user_text(body) == text


def test_notices_come_in_the_configured_languages() -> None:
    """German red flags are found where German is switched on, and only there."""
    question = "Mein Vater hat gerade starke Brustschmerzen"

    def found(*languages: str) -> list[Any]:
        labels = Labels.of(
            Disclaimer.of(), key="k", emergency_contact="112", languages=languages or ("en",)
        )
        first = labels.initial(SERVING, {}, request_id="r", prompt=question, question=question)
        return list(first["notices"])

    assert found() == []
    assert "112" in found("en", "de")[0]["message"]


def test_digests_compare_under_one_key_only() -> None:
    """With the same key the same prompt has the same digest; without one, each start differs."""

    def digest(key: str | None) -> str:
        labels = Labels.of(Disclaimer.of(), key=key, emergency_contact="112")
        first = labels.initial(SERVING, {}, request_id="r", prompt="p", question="p")
        return str(first["provenance"]["prompt_digest"])

    assert digest("k") == digest("k")
    assert digest(None) != digest(None)
