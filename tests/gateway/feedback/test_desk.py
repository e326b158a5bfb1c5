"""The desk: feedback that it takes, that it refuses, and its word of a failing disk."""

from pathlib import Path

import pytest

from gateway.errors import AnswerNotFound, FeedbackUnavailable, InvalidRequest
from gateway.feedback import opening
from gateway.feedback.entry import Submission
from gateway.feedback.store import MOST_PER_ANSWER
from gateway.principal import Principal
from gateway.record import AnswerSummary, RequestRecord
from gateway.settings.gateway import GatewaySettings, SettingsError
from tests.gateway.feedback.conftest import CLINIC, OPERATOR, WARD, Counter, OpenDesk

COMMENT = Submission("unsafe", "high", comment="zebrafish7731: ten times the dose")


def record(request_id: str = "r-1", principal: Principal = WARD) -> RequestRecord:
    """A finished request that was answered."""
    made = RequestRecord(request_id, "POST", status=200, principal=principal)
    made.answer = AnswerSummary(1, 1, (), (), ["hmac-sha256:bb"])
    made.finish("/llm/generate")
    return made


@pytest.fixture
def counter(open_desk: OpenDesk) -> Counter:
    opened = open_desk()
    opened.desk.observe(record())
    return opened


@pytest.mark.parametrize(
    ("request_id", "who"), [("r-2", WARD), ("r-1", CLINIC), ("' OR 1=1 --", WARD)]
)
def test_unknown_and_foreign_are_told_the_same(
    counter: Counter, request_id: str, who: Principal
) -> None:
    """Nobody learns of the answers of others."""
    with pytest.raises(AnswerNotFound) as refused:
        counter.give(request_id, principal=who)

    assert refused.value.message == (
        "This gateway gave no answer with this request id to this key in the last 30 days; send "
        "the `request_id` of a finished answer, as in its X-Request-Id, to the gateway that gave "
        "it."
    )
    assert counter.entries() == []


def test_an_operator_speaks_of_every_answer(counter: Counter) -> None:
    """The entry names both: who said it, and who had asked."""
    document = counter.give(principal=OPERATOR).entry.document()

    assert (document["client"], document["asked_by"]) == ("ops", "key:ward-7")


def test_without_a_key_texts_are_refused(open_desk: OpenDesk) -> None:
    """With the setting that would take them; a flag without a text is taken."""
    counter = open_desk(seals=False)
    counter.desk.observe(record())

    with pytest.raises(InvalidRequest, match="MMHIE_VAULT_PUBLIC_KEY"):
        counter.give(given=COMMENT)
    assert counter.entries() == []
    assert counter.give().entry.category == "incorrect"


def test_a_disk_that_takes_nothing(
    counter: Counter, open_desk: OpenDesk, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The sender is told to keep the text, the operator why; nothing is lost that was taken."""
    counter.give()
    counter.stop()
    counter = open_desk()
    moved = file.with_name("moved.db")
    file.rename(moved)
    file.mkdir()
    counter.desk.observe(record("r-2"))

    with pytest.raises(FeedbackUnavailable, match="keep its text"):
        counter.give("r-2", COMMENT)
    assert counter.desk.warnings()
    assert counter.alarms == [True]
    assert "zebrafish7731" not in caplog.text

    file.rmdir()
    moved.rename(file)
    assert counter.give("r-2", COMMENT).entry.category == "unsafe"
    assert counter.alarms == [True, False]
    assert counter.desk.warnings() == []
    assert len(counter.entries()) == 2


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"feedback_file": "f.db", "vault_public_key": __file__}, "MMHIE_VAULT_PUBLIC_KEY"),
        ({"feedback_file": "/nowhere/feedback.db"}, "a folder that exists"),
        ({"feedback_file": __file__}, "SQLITE_NOTADB"),
    ],
)
def test_a_wrong_setting_stops_the_start(settings: dict[str, str], reason: str) -> None:
    """The sentence has its name."""
    with pytest.raises(SettingsError, match=reason):
        opening.check(GatewaySettings.model_validate(settings))


def test_there_is_an_end_to_what_one_says_of_an_answer(counter: Counter) -> None:
    """The refusal is one sentence."""
    for n in range(MOST_PER_ANSWER):
        counter.give(given=Submission("other", "low", comment=str(n)))

    with pytest.raises(InvalidRequest, match="most feedback"):
        counter.give()


def test_redis_shares_no_answers(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An operator with several gateways reads at the start where feedback has to go."""
    settings = GatewaySettings.model_validate({"feedback_file": file, "redis_url": "redis://r"})
    desk = opening.open_desk(settings, lambda _: None, b"k")

    assert desk is not None
    desk.stop()
    assert "Redis does not share answers" in caplog.text
