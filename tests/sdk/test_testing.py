"""mmhie.testing: the server an application's tests ask instead of a model."""

from pathlib import Path

import mmhie
import pytest
from mmhie import (
    Delta,
    End,
    LLMConfig,
    MedicalReasoningLLM,
    ReasoningDelta,
)
from mmhie.testing import (
    DEFAULT_TEXT,
    DISCLAIMER,
    STATUS_OF_CODE,
    FakeServer,
    mmhie_server,
)

from scripts.render.errors import leaves
from tests.contract.process import Gateway
from tests.sdk.test_package import run

__all__ = ["mmhie_server"]  # the fixture, as `pytest_plugins` would bring it
USER_TEST = """
pytest_plugins = ["mmhie.testing"]
import mmhie

def test_mine(mmhie_server):
    mmhie_server.answer("Rest.")
    assert mmhie.medical_reasoner.generate("How is a cold treated?") == "Rest."
    assert mmhie_server.prompts == ["How is a cold treated?"]
"""


def test_what_it_is_told_it_answers(mmhie_server: FakeServer) -> None:
    """Whole, streamed and chatted, in order; then its default."""
    llm = mmhie.medical_reasoner
    mmhie_server.answer("Rest and fluids.", notices=[{"id": "MED101"}], truncated="in_answer")
    mmhie_server.answer(" Two words ", reasoning="Hm.")
    mmhie_server.answer("Hello.")

    whole = llm.generate_detailed("How?")
    with llm.stream("And now?", include_reasoning=True) as events:
        pieces = list(events)
    chatted = llm.chat_detailed([{"role": "user", "content": "Say hello."}])

    assert (whole.text, whole.truncated, whole.disclaimer) == (
        "Rest and fluids.", "in_answer", DISCLAIMER,
    )  # fmt: skip
    assert whole.notices == ({"id": "MED101"},)
    assert pieces[:-1] == [ReasoningDelta("Hm."), Delta(" Two"), Delta(" words"), Delta(" ")]
    assert isinstance(pieces[-1], End)
    assert (chatted.text, chatted.disclaimer) == ("Hello.", DISCLAIMER)
    assert llm.generate("Once more?") == DEFAULT_TEXT
    assert mmhie_server.prompts == ["How?", "And now?", "Say hello.", "Once more?"]
    assert mmhie_server.requests[1]["include_reasoning"] is True


def test_it_fails_by_any_code(mmhie_server: FakeServer) -> None:
    """The exception an application has to be ready for; once, then it answers again."""
    mmhie_server.fail("held", "Under repair.")

    with pytest.raises(mmhie.UnavailableError, match="Under repair"):
        mmhie.medical_reasoner.generate("How?")
    assert mmhie.medical_reasoner.generate("How?") == DEFAULT_TEXT
    with pytest.raises(ValueError, match="no_answer"):
        mmhie_server.fail("a_later_one")
    mmhie_server.fail("a_later_one", status=429)
    assert set(STATUS_OF_CODE.items()) <= {(leaf.code, leaf.status) for leaf in leaves()}


def test_it_takes_feedback(mmhie_server: FakeServer) -> None:
    """A scripted answer waits for the next question."""
    mmhie_server.answer("Rest.")
    first = mmhie.medical_reasoner.feedback("req-1", "incorrect", "low")
    again = mmhie.medical_reasoner.feedback("req-1", "incorrect", "low")

    assert mmhie.medical_reasoner.generate("How?") == "Rest."
    assert mmhie_server.prompts == ["How?"]
    assert mmhie_server.feedback[0]["category"] == "incorrect"
    assert (first.request_id, first.duplicate, again.duplicate) == ("req-1", False, True)
    assert again.id == first.id
    mmhie_server.fail("feedback_not_taken")
    with pytest.raises(mmhie.UnavailableError):
        mmhie.medical_reasoner.feedback("req-1", "incorrect", "low")


def test_it_answers_as_the_gateway_does(gateway: Gateway, mmhie_server: FakeServer) -> None:
    """The same fields, so that what passes here holds there."""
    shapes = []
    for url in (gateway.url, mmhie_server.url):
        with MedicalReasoningLLM(LLMConfig(url=url)) as llm:
            answer = llm.generate_detailed("How?")
            shapes.append({name for name in mmhie.Answer.__slots__ if getattr(answer, name)})

    assert shapes[1] - {"notices"} == shapes[0] - {"notices"}


def test_a_users_own_test(tmp_path: Path) -> None:
    """pytest in a project of its own, with nothing but `pytest_plugins`."""
    (tmp_path / "test_mine.py").write_text(USER_TEST)
    arguments = ["-q", "-p", "no:cacheprovider", str(tmp_path)]

    assert "1 passed" in run(f"import pytest, sys; sys.exit(pytest.main({arguments}))")
