"""The sdk against the real gateway: both sides mean the same by the wire format."""

import mmhie
import pytest
from mmhie import Delta, LLMConfig, MedicalReasoningLLM

from tests.contract.fixtures import Shared
from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine
from tests.sdk.conftest import Connect

CANARY = "canary-7f3a"
TURNS = [{"role": "user", "content": "Say hello."}]


@pytest.fixture
def gateway(gateway_with: Shared) -> Gateway:
    """A gateway in front of the shared engine, with a timeout of seconds."""
    return gateway_with(MMHIE_TIMEOUT_SECONDS="3", MMHIE_MAX_INPUT_LENGTH="100")


def test_answers_are_whole_and_annotated(
    gateway: Gateway, engine: FakeEngine, connect_both: Connect
) -> None:
    """JSON, stream and chat: text, disclaimer, usage, provenance, request id, model."""
    client = connect_both(gateway.url)
    streamed = list(client.events("How?"))[-1]
    assert isinstance(streamed, mmhie.End)
    answers = [client.generate_detailed("How?"), streamed.answer, client.chat_detailed(TURNS)]

    for answer in answers:
        assert answer.text.strip()
        assert "clinical advice" in answer.disclaimer
        assert answer.usage.total_tokens > 0
        assert answer.provenance
        assert answer.request_id
        assert answer.model
    assert answers[0].text == answers[1].text


def test_what_the_engine_refuses_has_its_notices(
    gateway: Gateway, engine: FakeEngine, connect: Connect
) -> None:
    """The gateway adds them to the engine's own error, which has none of the gateway's codes."""
    emergency = {"role": "user", "content": f"I have crushing chest pain right now. {CANARY}"}

    with pytest.raises(mmhie.RequestError, match="max_tokens") as caught:
        connect(gateway.url).chat([emergency], max_tokens=0)

    assert [notice["id"] for notice in caught.value.notices] == ["MED101"]
    assert caught.value.request_id
    assert CANARY not in str(caught.value)


def test_leaving_a_stream_stops_the_engine(gateway: Gateway, engine: FakeEngine) -> None:
    """From the context's end through the gateway to the engine."""
    engine.next({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.01})

    with MedicalReasoningLLM(LLMConfig(url=gateway.url)) as llm, llm.stream("How?") as events:
        assert isinstance(next(iter(events)), Delta)

    engine.until(lambda stats: stats["aborted"] == 1 and stats["running"] == 0)


@pytest.mark.parametrize("fault", ["cut", "reset_midstream", "error_midstream", "clean_cut"])
def test_an_engine_that_fails_midway_never_looks_like_success(
    gateway: Gateway, engine: FakeEngine, connect_both: Connect, fault: str
) -> None:
    """The gateway says so inside the stream; here it raises after the deltas that came."""
    engine.next(fault=fault)
    events = connect_both(gateway.url).events("How?")

    assert isinstance(next(events), Delta)
    with pytest.raises(mmhie.MMHIEError):
        list(events)
