"""The audit feed: each line arrives at a FHIR server, in order, whatever either side does."""

import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.audit import chain
from gateway.audit.chain import ChainHead
from gateway.audit.feed import AuditFeed
from gateway.audit.fhir.audit_event import audit_event
from gateway.audit.fhir.client_credentials import ClientCredentials
from gateway.audit.fhir.repository import Repository
from gateway.audit.file import AuditFile, event
from gateway.audit.follower import TrailFollower
from gateway.audit.rotation import rotated_files
from gateway.http.client_tls import ClientTls
from gateway.settings.base import TlsFiles
from tests.contract.fixtures import Refusal, Start
from tests.contract.process import Gateway
from tests.contract.surfaces import SURFACES
from tests.gateway.audit.conftest import KEY, Append, lines, requests_in
from tests.gateway.audit.repository import StrictRepository, seq_of
from tests.waiting import until

NO_TLS = ClientTls(TlsFiles())


@pytest.fixture
def repository() -> Iterator[StrictRepository]:
    with StrictRepository() as server:
        yield server


class Feeding:
    """A trail, the server that gets its lines, and feeds that are begun one after the other."""

    def __init__(
        self, path: Path, repository: StrictRepository, append: Append, stack: ExitStack
    ) -> None:
        self.path, self.repository, self.counts = path, repository, Counter[str]()
        self._append, self._stack = append, stack
        self.tampering: list[str] = []

    def count(self, outcome: str, count: int) -> None:
        self.counts[outcome] += count

    def write(self, count: int) -> None:
        """Append so many lines, in files of 4 kB."""
        batches = ([event("test", number=number)] for number in range(count))
        self._append(*batches, rotate_bytes=4096)

    def begin(self, url: str = "", auth: Any = None) -> AuditFeed:
        follower = TrailFollower(self.path, KEY)
        server = Repository(url or self.repository.url, NO_TLS, auth)
        feed = AuditFeed(follower, server, self.count, pause_s=0.01)
        feed.on_tampering = self.tampering.append
        feed.start()
        self._stack.callback(feed.stop)
        return feed

    def receive(self, count: int) -> list[int]:
        return receive_all(self.repository, count)


@pytest.fixture
def feeding(
    path: Path, repository: StrictRepository, append: Append, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Feeding]:
    monkeypatch.setattr("gateway.audit.feed.POLL_S", 0.01)
    with ExitStack() as stack:
        yield Feeding(path, repository, append, stack)


def receive_all(repository: StrictRepository, count: int) -> list[int]:
    """Return the numbers of the first lines that came, once there are so many."""
    until(lambda: len(repository.events) >= count)
    return repository.seqs


@pytest.fixture
def start_feeding(start_audited: Start, repository: StrictRepository) -> Start:
    """Start a gateway whose trail the repository gets."""
    return partial(start_audited, MMHIE_AUDIT_FHIR_URL=repository.url)


def ask(gateway: Gateway) -> int:
    return SURFACES[0].ask(gateway.client).status_code


def test_what_arrives_is_what_an_export_writes(
    start_feeding: Start, repository: StrictRepository, path: Path
) -> None:
    """Every line of the trail, start and stop among them, in order and once; each counted."""
    gateway = start_feeding().wait()
    assert [ask(gateway) for _ in range(5)] == [200] * 5
    gateway.client.post("/llm/generate", json={})
    sent = 'mmhie_audit_feed_events_total{outcome="sent"} 7.0'
    until(lambda: sent in gateway.client.get("/metrics").text)
    metrics = gateway.client.get("/metrics").text
    assert gateway.stop() == 0

    assert repository.events == [audit_event(line) for line in lines(path)]
    assert repository.events[-1]["subtype"][0]["code"] == "stop"
    assert 'mmhie_audit_feed_events_total{outcome="lost"} 0.0' in metrics
    assert "mmhie_audit_feed_last_success_timestamp_seconds 0.0" not in metrics


def test_an_outage_holds_no_request(start_feeding: Start, repository: StrictRepository) -> None:
    """Requests are answered meanwhile; /healthz, the log and a metric say it; all arrives then."""
    repository.down = 503
    gateway = start_feeding().wait()
    assert [ask(gateway) for _ in range(20)] == [200] * 20
    until(lambda: "it answers 503" in str(gateway.client.get("/healthz").json()["warnings"]))
    waits = gateway.client.get("/metrics").text
    repository.down = 0
    receive_all(repository, 21)
    until(lambda: "MMHIE_AUDIT_FHIR_URL" not in gateway.client.get("/healthz").text)

    assert repository.seqs == list(range(1, 22))
    assert "mmhie_audit_feed_lag_seconds 0.0\n" not in waits
    assert gateway.log.count("audit events do not arrive at MMHIE_AUDIT_FHIR_URL") == 1
    assert gateway.log.count("audit events arrive again") == 1


def test_a_kill_in_the_middle_loses_nothing(
    start_feeding: Start, repository: StrictRepository, path: Path
) -> None:
    """At least once, and the first time in order."""
    gateway = start_feeding().wait()
    repository.judge = lambda event: 201 if seq_of(event) < 5 else 503
    for _ in range(8):
        assert ask(gateway) == 200
    receive_all(repository, 4)
    gateway.signal(signal.SIGKILL)
    gateway.exit_code()
    repository.judge = lambda _: 201
    assert start_feeding().wait().stop() == 0

    assert list(dict.fromkeys(repository.seqs)) == [line["seq"] for line in lines(path)]


def test_what_another_pod_left_is_sent(
    start_feeding: Start, repository: StrictRepository, path: Path
) -> None:
    """Each pod writes a file of its own: the lines of one that never comes back are sent by another
    that lives, those of one that lives by itself, and those of others' files by nobody."""
    repository.down = 503
    dead, foreign, copy = (path.with_name(f"{name}.jsonl") for name in ("dead", "foreign", "copy"))
    first = start_feeding(MMHIE_AUDIT_FILE=str(dead)).wait()
    assert [ask(first) for _ in range(30)] == [200] * 30
    until(lambda: len(requests_in(dead)) == 30)
    first.signal(signal.SIGKILL)
    first.exit_code()
    AuditFile(foreign, key="o" * 32).append([event("test")])
    copy.write_bytes(dead.read_bytes())
    repository.down = 0
    living = start_feeding().wait()
    receive_all(repository, 32)
    sources = [event["meta"]["source"] for event in repository.events]
    living.stop()

    assert {audit_event(line)["meta"]["source"] for line in lines(dead)} <= set(sources)
    assert len(set(sources)) == len(sources)
    assert {lock.name for lock in path.parent.glob("*.feed.lock")} == {
        "audit.jsonl.feed.lock",
        "dead.jsonl.feed.lock",
    }


def test_rotations_are_followed(feeding: Feeding) -> None:
    """Files that were there before, and those that are rotated while it reads."""
    feeding.write(100)
    feeding.begin()
    feeding.write(100)
    last = lines(feeding.path)[-1]["seq"]

    assert len(rotated_files(feeding.path)) > 5
    assert feeding.receive(last) == list(range(1, last + 1))
    until(lambda: feeding.counts["sent"] == last)
    assert feeding.counts["lost"] == 0


def test_one_refused_event_is_set_aside(feeding: Feeding, caplog: pytest.LogCaptureFixture) -> None:
    """Its number is told, and the rest goes on."""
    feeding.repository.judge = lambda event: 422 if seq_of(event) in (3, 11) else 201
    feeding.write(9)
    feeding.begin()
    feeding.receive(8)
    feeding.write(1)
    feeding.receive(9)
    feeding.write(1)
    until(lambda: feeding.counts["set_aside"] == 2)
    feeding.write(1)

    assert feeding.receive(10) == [1, 2, 4, 5, 6, 7, 8, 9, 10, 12]
    assert "audit line 3 of audit.jsonl is set aside: the server answers 422" in caplog.text
    assert [line.head.seq for line in TrailFollower(feeding.path, KEY).lines_aside()] == [3, 11]


def test_events_set_aside_are_sent_again(feeding: Feeding, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each trail in the folder; what is refused again stays, and forged lines are not sent."""
    monkeypatch.setattr("gateway.audit.feed.ADOPT_EVERY_S", 0.01)
    monkeypatch.setattr("gateway.audit.feed.RESEND_EVERY_S", 0.05)
    other = feeding.path.with_name("pod-1.jsonl")
    AuditFile(other, key=KEY).append([event("test")])
    feeding.repository.judge = lambda _: 422
    feeding.write(3)
    feeding.begin()
    until(lambda: feeding.counts["set_aside"] == 4)
    with feeding.path.with_name("audit.jsonl.aside").open("ab") as file:
        file.write(b'[1,2]\n{"seq":7,"prev":"","kind":"test","mac":"0"}\n')
    feeding.repository.judge = lambda event: 422 if seq_of(event) == 2 else 201
    until(lambda: feeding.counts["sent"] == 3)

    assert sorted(feeding.repository.seqs) == [1, 1, 3]
    left = TrailFollower(feeding.path, KEY).lines_aside()
    assert [line.head.seq for line in left] == [2]
    until(lambda: not other.with_name("pod-1.jsonl.aside").exists())


POISON = (7, 8, 30)  # numbers of lines that the server cannot cope with


def is_poison(event: dict[str, Any]) -> bool:
    return seq_of(event) in POISON


def fail_poison(event: dict[str, Any]) -> int:
    return 500 if is_poison(event) else 201


def hang_at_poison(event: dict[str, Any]) -> int:
    """Answer late, as if it searched for what it has."""
    if is_poison(event):
        time.sleep(0.5)
    return fail_poison(event)


STRANGE: dict[str, dict[str, Any]] = {
    "it fails at some events": {"judge": fail_poison},
    "it hangs at some events": {"judge": hang_at_poison, "knows_conditions": True},
    "it is slow": {"delay_s": 0.02},
    "it refuses the search's parameter": {"refuses_conditions": True},
}


@pytest.mark.parametrize("how", STRANGE)
def test_a_slow_or_strange_server(
    feeding: Feeding, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Every line arrives but those that fail alone, and nearly none twice."""
    monkeypatch.setattr("gateway.audit.fhir.repository.TIMEOUT_S", 0.3)
    poison = POISON if "judge" in STRANGE[how] else ()
    server = feeding.repository
    server.knows_conditions = False
    for name, value in STRANGE[how].items():
        setattr(server, name, value)
    feeding.write(100)
    total = lines(feeding.path)[-1]["seq"]
    expected = set(range(1, total + 1)) - set(poison)
    feeding.begin()
    until(lambda: feeding.counts["sent"] == len(expected))
    aside = [line.head.seq for line in TrailFollower(feeding.path, KEY).lines_aside()]

    assert set(server.seqs) == expected
    most_twice = 0 if server.knows_conditions else 0.05 * total
    assert len(server.seqs) - len(expected) <= most_twice
    assert aside == list(poison)
    assert feeding.counts["set_aside"] == len(poison)


def test_a_server_that_fails_at_everything_sets_nothing_aside(feeding: Feeding) -> None:
    """It cannot be told from one that is down: all of it waits, and comes once. If the server comes
    back within a round, what it refused in this round comes after what it takes."""
    feeding.repository.judge = lambda _: 500
    feeding.write(30)
    feed = feeding.begin()
    until(lambda: "it answers 500" in str(feed.warnings()))
    feeding.repository.judge = lambda _: 201

    total = lines(feeding.path)[-1]["seq"]
    assert sorted(feeding.receive(total)) == list(range(1, total + 1))
    assert not TrailFollower(feeding.path, KEY).aside.exists()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>Sign in</html>", "not that it has taken the event"),
        (b" " * (1 << 21), "its answer has no end"),
    ],
)
def test_an_answer_of_somebody_else(feeding: Feeding, body: bytes, said: str) -> None:
    """A login or a proxy answers 200 as well: nothing counts as sent."""
    feeding.repository.instead = body
    feeding.write(1)
    feed = feeding.begin()
    until(lambda: said in str(feed.warnings()))
    feeding.write(2)
    assert not feeding.counts["sent"]
    feeding.repository.instead = b""

    assert feeding.receive(3) == [1, 2, 3]


def test_what_is_gone_before_it_was_sent_is_counted(
    feeding: Feeding, caplog: pytest.LogCaptureFixture
) -> None:
    """A rotated file that was archived too early, and a line that was changed."""
    feeding.write(3)
    feed = feeding.begin()
    feeding.receive(3)
    feeding.repository.down = 503
    feed.stop()
    feeding.write(60)
    oldest, second, *_ = rotated_files(feeding.path)
    first, last = lines(oldest)[0]["seq"], lines(oldest)[-1]["seq"]
    gone = last - 3
    oldest.unlink()
    changed = lines(second)[4]["seq"]
    second.write_bytes(second.read_bytes().replace(b'"seq":%d,' % changed, b'"seq":%d ,' % changed))
    feeding.repository.down = 0
    feeding.begin()
    total = lines(feeding.path)[-1]["seq"]
    feeding.receive(total - gone - 1)

    assert first == 1
    assert feeding.counts["lost"] == gone + 1
    assert f"audit lines 4 to {last} are gone and were not sent" in caplog.text
    assert set(feeding.repository.seqs) == {1, 2, 3, *range(last + 1, total + 1)} - {changed}


def test_another_trail_is_sent_from_its_beginning(
    feeding: Feeding, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a change of the key: the old files were moved away, the numbers begin again."""
    feeding.write(5)
    feeding.begin()
    feeding.receive(5)
    for file in (feeding.path, *rotated_files(feeding.path)):
        file.unlink()
    feeding.write(3)

    assert feeding.receive(8)[5:] == [1, 2, 3]
    until(lambda: "is another one than was sent before" in caplog.text)
    assert feeding.counts["lost"] == 0


def sign_place(path: Path, number: int, offset: int, *, key: str, file: str) -> bytes:
    """Return a position after a line, signed with a key for a file."""
    head = ChainHead(number, lines(path)[number - 1]["mac"])
    mac = chain.new_mac(key, purpose=file)
    return chain.signed_line({"offset": offset}, head, mac)[0]


FORGED_PLACES: dict[str, Callable[[Path, int], bytes]] = {
    "no text": lambda *_: b"\xff" * 10_000,
    "moved by hand": lambda path, end: sign_place(
        path, 1, 90, key=KEY, file="audit.jsonl.feed"
    ).replace(b"90", b"%d" % end),
    "another file": lambda path, end: sign_place(path, 3, end, key=KEY, file="other.jsonl.feed"),
    "the trail's own": lambda path, _: path.read_bytes().splitlines()[2],
}


@pytest.mark.parametrize("how", FORGED_PLACES)
def test_a_place_that_we_have_not_signed(feeding: Feeding, how: str) -> None:
    """Everything is sent once more, on condition; and it is told."""
    feeding.write(3)
    content = FORGED_PLACES[how](feeding.path, feeding.path.stat().st_size)
    feeding.path.with_name("audit.jsonl.feed").write_bytes(content)
    feed = feeding.begin()

    assert feeding.receive(3) == [1, 2, 3]
    assert feeding.tampering == ["audit.jsonl.feed was not written with MMHIE_AUDIT_KEY"]
    feed.stop()
    feeding.begin()
    feeding.write(1)
    assert feeding.receive(4) == [1, 2, 3, 4]


def test_access_tokens(feeding: Feeding, tmp_path: Path) -> None:
    """One is asked for, kept, and asked for again when the server takes it no longer; a secret that
    is wrong is told and mended without a restart."""
    secret = tmp_path / "secret"
    secret.write_text("mm:hie\nwrong")
    with StrictRepository(secret="s3cret:/ü") as server:
        url = server.url.removesuffix("/fhir") + "/token"
        auth = ClientCredentials(url, secret, "audit")
        feeding.write(2)
        feed = feeding.begin(server.url, auth=auth)
        until(lambda: "the token server answers 401" in str(feed.warnings()))
        server.instead = b"{}"
        until(lambda: "answers 200, no token" in str(feed.warnings()))
        server.instead = b""
        secret.write_text("mm:hie\ns3cret:/ü\n")
        receive_all(server, 2)
        feeding.write(1)
        receive_all(server, 3)
        assert server.tokens == 1
        server.tokens = 5  # the one that was given is withdrawn
        feeding.write(1)

        assert receive_all(server, 4) == [1, 2, 3, 4]
        assert server.tokens == 6
        feed.stop()


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_a_client_that_signs(feeding: Feeding, tmp_path: Path, algorithm: str) -> None:
    """SMART Backend Services: a new assertion for each token; another key is mended in its file."""
    new_key = {"RS384": new_rsa, "ES384": new_ec}[algorithm]
    private, other = new_key(), new_key()
    key = jwt.PyJWK(public(private), algorithm)
    file = tmp_path / "client"
    file.write_text("mm:hie\n" + json.dumps(other))
    with StrictRepository(key=key) as server:
        auth = ClientCredentials(server.url.removesuffix("/fhir") + "/token", file, "audit")
        feeding.write(2)
        feed = feeding.begin(server.url, auth=auth)
        until(lambda: "the token server answers 401" in str(feed.warnings()))
        file.write_text("mm:hie\n" + json.dumps(public(private)))
        until(lambda: "has no private JWK with `kid`" in str(feed.warnings()))
        file.write_text("mm:hie\n" + json.dumps(private, indent=1))
        receive_all(server, 2)
        server.tokens = 5  # the one that was given is withdrawn
        feeding.write(1)

        assert receive_all(server, 3) == [1, 2, 3]
        assert server.tokens == 6
        feed.stop()


def new_rsa() -> dict[str, str]:
    key = rsa.generate_private_key(65537, 2048)
    return {**jwt.algorithms.RSAAlgorithm.to_jwk(key, as_dict=True), "kid": "feed-1"}


def new_ec() -> dict[str, str]:
    key = ec.generate_private_key(ec.SECP384R1())
    return {**jwt.algorithms.ECAlgorithm.to_jwk(key, as_dict=True), "kid": "feed-1"}


def public(jwk: Mapping[str, str]) -> dict[str, str]:
    """Return the public half of a private JWK, which can verify alone."""
    fields = ("kty", "kid", "n", "e", "crv", "x", "y")
    return {name: jwk[name] for name in fields if name in jwk}


TRAIL = {"AUDIT_FILE": "audit.jsonl", "AUDIT_KEY": KEY}
URL = {**TRAIL, "AUDIT_FHIR_URL": "https://repository/fhir"}
PLAIN = {**TRAIL, "AUDIT_FHIR_URL": "http://10.0.0.7"}
PRODUCTION = {"ENV": "production", "DIGEST_KEY": "d" * 64, "KEYS_FILE": "keys.json"}
TOKEN = {
    "AUDIT_FHIR_TOKEN_URL": "https://login/token",
    "AUDIT_FHIR_CLIENT_FILE": "none",
}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({**TRAIL, "AUDIT_FHIR_URL": "https://user@repository"}, "MMHIE_AUDIT_FHIR_URL is"),
        ({**TRAIL, "AUDIT_FHIR_SCOPE": "system/AuditEvent.c"}, "need MMHIE_AUDIT_FHIR_URL"),
        ({**URL, "AUDIT_FHIR_CLIENT_FILE": "none"}, "MMHIE_AUDIT_FHIR_CLIENT_FILE go"),
        ({**URL, **TOKEN}, "MMHIE_AUDIT_FHIR_CLIENT_FILE cannot be read (No such file"),
        ({**URL, **TOKEN, "AUDIT_FHIR_CLIENT_FILE": "jwk"}, "has no private JWK with `kid` on its"),
        ({**URL, "AUDIT_FHIR_PATIENT": "identifier"}, "needs MMHIE_AUDIT_FHIR_URL and MMHIE_PSEU"),
        ({**TRAIL, "AUDIT_FHIR_PATIENT": "identifier", "PSEUDONYM_KEY": "p" * 32}, "set both, or"),
        ({**PLAIN, **PRODUCTION}, "plain http to another host"),
    ],
)
def test_a_wrong_setting_stops_the_start(
    refusal: Refusal, settings: dict[str, str], said: str, tmp_path: Path
) -> None:
    """In one sentence that names it."""
    (tmp_path / "keys.json").write_text(json.dumps({"keys": []}))
    (tmp_path / "jwk").write_text("mm:hie\n{}")

    assert said in refusal(**{f"MMHIE_{name}": value for name, value in settings.items()})


def test_the_next_process_takes_over(feeding: Feeding) -> None:
    """The second feed waits for the first, and goes on where that one was."""
    feeding.write(3)
    first, _ = feeding.begin(), feeding.begin()
    feeding.receive(3)
    first.stop()
    feeding.write(3)

    assert feeding.receive(6) == [1, 2, 3, 4, 5, 6]


def test_files_beside_the_trail_that_cannot_be_used(
    feeding: Feeding, caplog: pytest.LogCaptureFixture
) -> None:
    """Without its lock nobody feeds, which is told; without its place it goes on from memory."""
    lock = feeding.path.with_name("audit.jsonl.feed.lock")
    lock.mkdir()
    feeding.path.with_name("audit.jsonl.feed").mkdir()
    feeding.write(3)
    feed = feeding.begin()
    until(lambda: "the lock beside the trail fails (Is a directory)" in str(feed.warnings()))
    lock.rmdir()
    assert feeding.receive(3) == [1, 2, 3]
    feeding.write(3)

    assert feeding.receive(6) == [1, 2, 3, 4, 5, 6]
    until(lambda: "the place of the audit feed cannot be kept: " in caplog.text)
