"""`mmhie chat` and `mmhie status`, in front of a real gateway; in a pipe and at a real terminal."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.auth import keys
from gateway.hold.hold import Hold, write
from gateway.safety.disclaimer import default_text
from tests.command import Command, mmhie
from tests.contract.process import Gateway
from tests.contract.test_disclaimer import NOTE
from tests.fake_engine.process import FakeEngine
from tests.launcher.cli.desk import Desk
from tests.waiting import until

CHAT = "/v1/chat/completions"
EMERGENCY = "I have crushing chest pain right now."
DEFAULT_TEXT = default_text()
ANSWERED = f"{NOTE[-20:]}\r\n\r\n> "  # and asked for the next question


@pytest.fixture(scope="module")
def the_engine() -> Iterator[FakeEngine]:
    """The engine behind the gateway."""
    engine = FakeEngine().wait()
    yield engine
    engine.stop()


@pytest.fixture(scope="module")
def gateway(the_engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """With keys, and a hold file beside them."""
    folder = tmp_path_factory.mktemp("gateway")
    secret = keys.new_secret()
    key = keys.Key("ward", keys.sha256(secret.encode()), scopes=("openai",), created=0.0)
    keys.write(folder / "keys.json", [key])
    files = {"MMHIE_KEYS_FILE": "keys.json", "MMHIE_HOLD_FILE": "hold.json"}
    gateway = Gateway(folder, the_engine.url, **files)
    gateway.client.headers["x-secret"] = secret
    yield gateway.wait()
    gateway.stop()


@pytest.fixture
def engine(the_engine: FakeEngine) -> FakeEngine:
    """The engine, its memory wiped."""
    the_engine.reset()
    return the_engine


@pytest.fixture
def environ(gateway: Gateway) -> dict[str, str]:
    """Address of the service, and a key that is good there."""
    return {"MMHIE_URL": gateway.url, "MMHIE_API_KEY": gateway.client.headers["x-secret"]}


class Ran(Command):
    """The command with something to read on standard input."""

    def __call__(self, *arguments: str, given: str = "", **variables: str) -> tuple[int, str, str]:
        self.monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        return super().__call__(*arguments, **variables)


@pytest.fixture
def run(
    environ: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Ran:
    """`code, out, err = run("chat", "Why?")`, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    ran = Ran(monkeypatch, capsys)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return ran


def test_a_question_from_a_pipe(tmp_path: Path, environ: dict[str, str]) -> None:
    """The answer, then the notice; a red flag before both; no styles."""
    done = mmhie(tmp_path, "chat", given=EMERGENCY, **environ)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[notice] ")
    assert done.stdout.endswith(f"\n\n{DEFAULT_TEXT}\n{NOTE}\n")
    assert "\x1b" not in done.stdout


def test_a_question_as_an_argument(run: Ran, engine: FakeEngine) -> None:
    """Options reach the engine; reasoning is apart, and only where it is asked for."""
    engine.next(fault="reasoning")
    options = ("--system", "Be brief.", "--max-tokens", "9", "--effort", "low", "--reasoning")
    _, out, _ = run("chat", "Why?", *options)

    assert out.startswith("[reasoning]\nThe question")
    assert "\n[answer]\n" in out
    body = engine.body()
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (body["max_tokens"], body["reasoning_effort"]) == (9, "low")
    engine.next(fault="reasoning")
    assert "The question" not in run("chat", "Why?")[1]


def test_a_cut_answer_says_so(run: Ran) -> None:
    """The note of a cut answer stands before the closing paragraph."""
    assert "[warning] The answer was cut off" in run("chat", "Why?", "--max-tokens", "3")[1]


@pytest.mark.parametrize("fault", ["error_midstream", "reset_midstream", "clean_cut"])
def test_a_broken_answer_is_a_failure(run: Ran, engine: FakeEngine, fault: str) -> None:
    """The text so far, then one sentence and exit code 1."""
    engine.next(fault=fault)
    code, out, err = run("chat", "Why?")

    assert code == 1
    assert out.strip()
    assert err.count("\n") == 1
    assert f"(request {engine.seen(CHAT)[-1]['headers']['x-request-id']})" in err


@pytest.mark.parametrize("fault", ["status", "error_midstream"])
def test_a_notice_outlives_a_failing_engine(run: Ran, engine: FakeEngine, fault: str) -> None:
    """A notice is shown once, before the failure."""
    engine.next(fault=fault)
    code, out, err = run("chat", EMERGENCY)

    assert code == 1
    assert out.startswith("[notice] ")
    assert out.count("[notice]") == 1
    assert "(request " in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--url", "http://127.0.0.1:9"), 1, "No service answers at http://127.0.0.1:9"),
        (("--url", "unix:/none"), 1, "No service answers at unix:/none"),
        (("--url", "localhost:8000"), 2, "The address 'localhost:8000' is not"),
        (("--url", "http://[::1"), 2, "The address 'http://[::1' is not"),
        (("--url", "http://x:99999"), 2, "The address 'http://x:99999' is not"),
        (("--key", "wrong"), 1, "The key is unknown"),
        (("--key", "schlüssel"), 2, "A key must be plain ASCII"),
        (("--key", "secret\n"), 2, "A key must be plain ASCII"),
        (("--system", "\udcff"), 2, "The question is not text in UTF-8"),
        (("--effort", "utmost"), 2, "--effort must be low, medium or high"),
        (("--max-tokens", "0"), 2, "Invalid value for '--max-tokens'"),
    ],
)
def test_what_cannot_be_asked(run: Ran, arguments: tuple[str, ...], code: int, said: str) -> None:
    """One sentence; 2 for what is wrong here, 1 for what the service says."""
    ended, out, err = run("chat", "Why?", *arguments)

    assert ended == code
    assert err.startswith(said)
    assert err.count("\n") == 1
    assert out == ""


def test_no_question(run: Ran) -> None:
    """Without a question the command ends with exit code 2."""
    assert run("chat", given=" \n")[0] == 2


def test_something_else_listens_there(run: Ran, engine: FakeEngine) -> None:
    """A sentence, whatever it is."""
    code, _, err = run("status", "--url", engine.url)

    assert code == 1
    assert err.count("\n") == 1


def test_a_conversation(desk: Desk, engine: FakeEngine) -> None:
    """Turns add up, Ctrl-C stops the answer and not the program; each has its provenance."""
    desk.type(f"{EMERGENCY}\n")
    assert "Red flag in the prompt" in desk.until(ANSWERED)
    engine.next({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.02})
    desk.type("And then?\n")
    desk.until("the ")
    os.kill(desk.pid, signal.SIGINT)
    assert "You stopped this answer: it is not complete. (request " in desk.until(ANSWERED)
    engine.until(lambda stats: stats["aborted"] == 1)
    engine.next(fault="harmony", finish="length")
    desk.type("Why?\n")
    answered = desk.until(ANSWERED)
    assert "The answer was cut off at the token limit." in answered
    assert "Marks of the model's own format were removed from the answer." in answered
    assert re.search(r"\(fake-model, 20[^,]+, [0-9a-f]{32}\)", answered)
    turns = engine.body()["messages"]
    said = [message["content"] for message in turns if message["role"] != "assistant"]
    assert said[1:] == [EMERGENCY, "Why?"]

    desk.type("/nonsense\n")
    assert "There is no command /nonsense. /new begins" in desk.until("leaves.")
    desk.type("/quit\n")
    assert desk.ended() == 0


@pytest.fixture
def desk(tmp_path: Path, environ: dict[str, str], engine: FakeEngine) -> Desk:
    """A terminal at which a conversation waits for its first question."""
    desk = Desk(tmp_path, "chat", **environ)
    assert "Not clinical advice" in desk.until("> ")
    return desk


def questions(engine: FakeEngine) -> list[str]:
    """The last request's messages, without the gateway's own."""
    return [message["content"] for message in engine.body()["messages"]][1:]


def test_a_paste_is_one_question(desk: Desk, engine: FakeEngine) -> None:
    """However many lines it has; an arrow key brings the question before it back."""
    desk.type("\x1b[200~A fever.\nA rash.\x1b[201~\n")
    desk.until(ANSWERED)
    assert questions(engine) == ["A fever.\nA rash."]
    desk.type("/new\n")
    desk.until("Conversation cleared.")
    desk.type("\x1b[A\x1b[A\n")
    desk.until(ANSWERED)
    assert questions(engine) == ["A fever.\nA rash."]
    desk.type("/quit\n")

    assert desk.ended() == 0


def test_stopped_before_the_first_word(desk: Desk, engine: FakeEngine) -> None:
    """Nothing has come from the service yet: the request is named as it was sent."""
    engine.next(fault="hang_before_headers")
    desk.type("Why?\n")
    engine.until(lambda stats: stats["running"] == 1)
    os.kill(desk.pid, signal.SIGINT)
    request_id = engine.seen(CHAT)[-1]["headers"]["x-request-id"]

    desk.until(f"You stopped this answer: it is not complete. (request {request_id})")
    desk.type("/quit\n")
    assert desk.ended() == 0


def test_an_error_does_not_end_a_conversation(desk: Desk, engine: FakeEngine) -> None:
    """It is told, and the next question is asked as if it had not been; Ctrl-D leaves."""
    engine.next(fault="status", status=500)
    desk.type("First?\n")
    assert "The engine" in desk.until("> ")
    desk.interrupt()
    desk.until("/quit leaves")
    desk.type("Second?\n")
    desk.until(ANSWERED)
    assert questions(engine) == ["Second?"]
    desk.type("\x04")
    assert desk.ended() == 0


def test_status(run: Ran) -> None:
    """Phase and figures once in a pipe; as JSON with everything the service tells."""
    code, out, _ = run("status")
    told = json.loads(run("status", "--json")[1])

    assert code == 0
    assert re.search(r"phase: +ready\n", out)
    assert re.search(r"KV cache: +0\.0 %", out)
    assert (told["phase"], told["model"]) == ("ready", "fake-model")
    assert told["load"]["tokens_per_s"] == 0


def test_status_under_a_hold(run: Ran, gateway: Gateway) -> None:
    """Exit code 1 and the downtime message, for a person and for a script."""
    switch = gateway.log_file.parent / "hold.json"
    write(switch, Hold(reason="drift", by="me", since="2026-01-02T03:04:05Z"))
    until(lambda: not gateway.answers("/readyz"))
    try:
        code, out, err = run("status", "--json")
    finally:
        switch.unlink()
        gateway.wait()

    assert code == 1
    assert json.loads(out)["phase"] == "held"
    assert json.loads(out)["warnings"][0] == "Held by me since 2026-01-02T03:04:05Z: drift."
    assert "drift" in err
