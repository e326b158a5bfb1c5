"""The desk: feedback that it takes, that it refuses, and its word of a failing disk."""

import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import AnswerNotFound, FeedbackUnavailable, InvalidRequest
from gateway.feedback import opening
from gateway.feedback.store import MOST_PER_ANSWER
from gateway.principal import CareContext, Principal
from gateway.record import AnswerSummary, RequestRecord
from gateway.settings.gateway import GatewaySettings, SettingsError
from tests.gateway.audit.conftest import KEY
from tests.gateway.feedback.conftest import CLINIC, OPERATOR, WARD, Counter, OpenDesk, flag

COMMENT = flag("unsafe", "high", comment="zebrafish7731: ten times the dose")


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


@pytest.mark.parametrize(("request_id", "who"), [("r-2", WARD), ("r-1", CLINIC), ("OR:1", WARD)])
def test_unknown_and_foreign_are_told_the_same(
    counter: Counter, request_id: str, who: Principal
) -> None:
    """Nobody learns of the answers of others."""
    with pytest.raises(AnswerNotFound) as refused:
        counter.give(flag(request_id=request_id), principal=who)

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
        counter.give(COMMENT)
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
        counter.give(COMMENT.model_copy(update={"request_id": "r-2"}))
    assert counter.desk.warnings()
    assert counter.desk.is_failing
    assert "zebrafish7731" not in caplog.text

    file.rmdir()
    moved.rename(file)
    assert counter.give(COMMENT.model_copy(update={"request_id": "r-2"})).entry.category == "unsafe"
    assert not counter.desk.is_failing
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
        opening.check(GatewaySettings.model_validate(settings | {"audit_key": KEY}))


def test_there_is_an_end_to_what_one_says_of_an_answer(counter: Counter) -> None:
    """The refusal is one sentence."""
    for n in range(MOST_PER_ANSWER):
        counter.give(flag("other", "low", comment=str(n)))

    with pytest.raises(InvalidRequest, match="most feedback"):
        counter.give()


PERSON = Principal("reviewers", "key", WARD.scopes, care=CareContext("Dr Weber", user_source="key"))
CLAIMED = replace(PERSON, care=CareContext("Dr Weber", user_source="header"))


@pytest.mark.parametrize(("who", "reviewer"), [(PERSON, "Dr Weber"), (CLAIMED, None)])
def test_a_verified_person_signs(open_desk: OpenDesk, who: Principal, reviewer: str | None) -> None:
    """The entry has the person of the key or token, and none of a header."""
    counter = open_desk()
    counter.desk.observe(record(principal=who))

    assert counter.give(flag("signed_off", None), who).entry.reviewer == reviewer


@pytest.mark.parametrize("column", ["content", "mac"])
def test_a_changed_answer_is_none(
    counter: Counter, file: Path, caplog: pytest.LogCaptureFixture, column: str
) -> None:
    """The gateway takes no feedback on it, and names it once in its log."""
    counter.give()
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute(f"UPDATE answers SET {column} = replace({column}, 'a', 'b')")
    for _ in range(2):
        with pytest.raises(AnswerNotFound):
            counter.give(flag("unsafe", "high"))

    assert caplog.text.count("a row of feedback was changed, and does not count: answers 1") == 1
    assert "were changed" in counter.desk.warnings()[0]
