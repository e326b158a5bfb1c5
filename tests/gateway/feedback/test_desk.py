"""The desk: feedback that it takes, that it refuses, and its word of a failing disk."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from gateway.errors import AnswerNotFound, FeedbackUnavailable, InvalidRequest
from gateway.feedback import opening
from gateway.feedback.desk import Receipt
from gateway.feedback.entry import TEXTS, Given, text_name
from gateway.feedback.store import MOST_PER_ANSWER, Store
from gateway.principal import Principal
from gateway.record import AnswerSummary, RequestRecord
from gateway.settings.gateway import GatewaySettings, SettingsError
from gateway.vault.sealing import Opener, SealUnopened
from tests.gateway.feedback.conftest import CLINIC, OPERATOR, WARD, Counter, OpenDesk
from tests.gateway.vault.conftest import KeyPair, key_pair
from tests.waiting import until

COMMENT = Given("unsafe", "high", comment="zebrafish7731: ten times the dose")


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


def test_an_answer_is_flagged(counter: Counter) -> None:
    """Also when it ended a moment ago; with what is known of it."""
    receipt = counter.give()
    (kept,) = counter.entries()

    assert receipt.entry == kept
    assert kept.document()["output_digests"] == ["hmac-sha256:bb"]
    assert (kept.client, kept.category, kept.severity) == ("ward-7", "incorrect", "moderate")
    assert not receipt.is_duplicate
    assert counter.give().is_duplicate
    assert len(counter.entries()) == 1


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


def test_only_answers_can_be_flagged(counter: Counter) -> None:
    """A refusal has no words of a model."""
    refused = record("r-refused")
    refused.answer, refused.status = None, 503
    counter.desk.observe(refused)

    with pytest.raises(AnswerNotFound):
        counter.give("r-refused")


def test_texts_are_sealed(counter: Counter, file: Path, pair: KeyPair) -> None:
    """No word of them is in any file; the private key opens each in its own place alone."""
    said = Given("unsafe", "high", "zebrafish7731\x00 <script>\n漢", "axolotl9")
    kept = counter.give(given=said).entry
    counter.stop()

    content = b"".join(path.read_bytes() for path in file.parent.iterdir())
    assert b"zebrafish7731" not in content
    assert b"axolotl9" not in content
    with contextlib.closing(Store(file)) as store:
        sealed = store.texts_of(kept.id)
    opener, (comment, _) = pair.opener(), sealed
    assert comment is not None
    assert said.texts == {
        field: opener.unseal(text or b"", text_name(kept.id, field)).decode()
        for field, text in zip(TEXTS, sealed, strict=True)
    }
    for wrong, name in ((opener, "fb-other"), (other_opener(file), kept.id)):
        with pytest.raises(SealUnopened):
            wrong.unseal(comment, text_name(name, TEXTS[0]))


def test_the_same_text_is_stored_once(counter: Counter, open_desk: OpenDesk) -> None:
    """Also by another worker, which has the same digest key; another text is another entry."""
    first = counter.give(given=COMMENT)
    worker = open_desk()

    assert worker.give(given=COMMENT) == Receipt(first.entry, is_duplicate=True)
    assert not worker.give(given=Given("unsafe", "high", comment="zebrafish7732")).is_duplicate


def other_opener(file: Path) -> Opener:
    """Return what opens with another key."""
    folder = file.parent / "other"
    folder.mkdir()
    return key_pair(folder).opener()


def test_without_a_key_texts_are_refused(open_desk: OpenDesk) -> None:
    """With the setting that would take them; a flag without a text is taken."""
    counter = open_desk(seals=False)
    counter.desk.observe(record())

    with pytest.raises(InvalidRequest, match="MMHIE_VAULT_PUBLIC_KEY"):
        counter.give(given=COMMENT)
    assert counter.entries() == []
    assert counter.give().entry.category == "incorrect"


def test_there_is_an_end_to_what_one_says_of_an_answer(counter: Counter) -> None:
    """The refusal is one sentence."""
    for n in range(MOST_PER_ANSWER):
        counter.give(given=Given("other", "low", comment=str(n)))

    with pytest.raises(InvalidRequest, match="as much feedback"):
        counter.give()


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


def test_a_fault_is_logged(open_desk: OpenDesk, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody waits for the thread that notes answers, and others are noted after it."""
    counter = open_desk()
    broken = record("r-broken")
    broken.answer = AnswerSummary(1, 1, (), (), [object()])  # type: ignore[list-item] # on purpose
    counter.desk.observe(broken)
    until(lambda: "fault" in caplog.text)
    counter.desk.observe(record())

    assert counter.give().entry.answer.request_id == "r-1"


def test_many_at_once(counter: Counter) -> None:
    """Forty senders, one entry each."""
    names = [f"many-{n}" for n in range(40)]
    for name in names:
        counter.desk.observe(record(name))

    async def all_at_once() -> None:
        await asyncio.gather(*(counter.desk.give(name, COMMENT, WARD) for name in names))

    asyncio.run(all_at_once())
    assert sorted(entry.answer.request_id for entry in counter.entries()) == sorted(names)


def test_redis_shares_no_answers(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An operator with several gateways reads at the start where feedback has to go."""
    settings = GatewaySettings.model_validate({"feedback_file": file, "redis_url": "redis://r"})
    desk = opening.open_desk(settings, lambda _: None, b"k")

    assert desk is not None
    desk.stop()
    assert "Redis does not share answers" in caplog.text


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
