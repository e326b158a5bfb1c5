"""A database of feedback, and what is in it."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.feedback.desk import FeedbackDesk, Receipt
from gateway.feedback.entry import Entry, RecentAnswer, Submission
from gateway.feedback.store import Store
from gateway.principal import Principal
from gateway.vault.sealing import Sealer
from tests.gateway.audit.conftest import KEY
from tests.gateway.vault.conftest import KeyPair, key_pair

NOW = 1_790_000_000.0
WARD = Principal("ward-7", "key", frozenset({"generate", "feedback"}))
CLINIC = Principal("clinic-2", "key", frozenset({"generate", "feedback"}))
OPERATOR = Principal("ops", "key", frozenset({"feedback", "admin"}))


def flag(category: str = "incorrect", severity: str | None = "moderate", **more: str) -> Submission:
    """Feedback on the answer r-1."""
    fields = {"request_id": "r-1", "category": category, "severity": severity, **more}
    return Submission.model_validate(fields)


def answer(request_id: str = "r-1", **more: Any) -> RecentAnswer:
    facts = {"model": "fake-model", "output_digests": ["hmac-sha256:bb"]}
    known: dict[str, Any] = {"caller_request_id": None, "client": WARD.id, "ended": NOW} | more
    return RecentAnswer(request_id, **known, facts=facts)


def entry(name: str = "fb-1", request_id: str = "r-1", **more: Any) -> Entry:
    known: dict[str, Any] = {"created": NOW, "category": "incorrect", "severity": "low"} | more
    about = known.pop("answer", None) or answer(request_id)
    return Entry(id=name, client="ward-7", answer=about, **{"fingerprint": name, **known})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "feedback.db"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    opened = Store(file, KEY)
    yield opened
    opened.close()


class Counter:
    """A desk with its database; it gives feedback and waits for the receipt."""

    def __init__(self, file: Path, pair: KeyPair | None) -> None:
        self.file = file
        self.is_stopped = False
        self.desk = FeedbackDesk(
            Store(file, KEY),
            Sealer(pair.public) if pair else None,
        )

    def stop(self) -> None:
        """Once; later calls change nothing."""
        if not self.is_stopped:
            self.is_stopped = True
            self.desk.stop()

    def entries(self) -> list[Entry]:
        """The rows on the disk, over a connection of its own."""
        with contextlib.closing(Store(self.file, KEY)) as store:
            return list(store.entries())

    def give(self, given: Submission | None = None, principal: Principal = WARD) -> Receipt:
        return asyncio.run(self.desk.give(given or flag(), principal))


OpenDesk = Callable[..., Counter]


@pytest.fixture
def pair(tmp_path: Path) -> KeyPair:
    return key_pair(tmp_path)


@pytest.fixture
def open_desk(file: Path, pair: KeyPair) -> Iterator[OpenDesk]:
    """Open desks of this database; they are closed at the end."""
    with contextlib.ExitStack() as stack:

        def begin(*, seals: bool = True) -> Counter:
            made = Counter(file, pair if seals else None)
            stack.callback(made.stop)
            return made

        yield begin
