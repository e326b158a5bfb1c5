"""curl, as the README shows it."""

import json
import subprocess

import pytest

from requirements import programs
from tests.contract.process import Gateway
from tests.contract.surfaces import events
from tests.contract.test_disclaimer import NOTE, TEXT
from tests.fake_engine.process import FakeEngine
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.skipif(bool(programs.reason("curl")), reason=programs.reason("curl"))

JSON = ("-H", "content-type: application/json")


def curl(*arguments: str) -> bytes:
    """Run curl and return its output; its failure fails the test."""
    command = ["curl", "--silent", "--show-error", *arguments]
    return subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S).stdout


def posted(gateway: Gateway, path: str, body: object, *arguments: str) -> bytes:
    """Post a body as JSON."""
    return curl(gateway.url + path, *JSON, "-d", json.dumps(body), *arguments)


def test_json(gateway: Gateway) -> None:
    """curl prints an answer as one JSON object."""
    answer = json.loads(posted(gateway, "/llm/generate", {"prompt": "Say hi."}))

    assert answer["text"]
    assert answer["disclaimer"] == TEXT


def test_without_a_content_type_of_json(gateway: Gateway) -> None:
    """`curl -d` alone says it posts a form, which any page can: told what to send instead."""
    answer = json.loads(curl(gateway.url + "/llm/generate", "-d", '{"prompt": "Say hi."}'))

    assert answer["error"]["code"] == "unsupported_media_type"
    assert "Content-Type: application/json" in answer["error"]["message"]


def test_a_stream(gateway: Gateway) -> None:
    """`curl -N` prints the events as they come."""
    printed = posted(gateway, "/llm/generate", {"prompt": "Say hi.", "stream": True}, "-N")

    assert events(printed)[-1] == "[DONE]"


def test_plain_text_comes_token_by_token(gateway: Gateway, engine: FakeEngine) -> None:
    """An answer that never ends is printed all the same; one that ends has the disclaimer."""
    engine.next({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.01})
    text = ("-H", "accept: text/plain")
    body = {"prompt": "Say hi.", "stream": True, "max_tokens": 12}
    command = ["curl", "-sN", *text, "-d", json.dumps(body), gateway.url + "/llm/generate"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.read(1)
        child.terminate()

    printed = posted(gateway, "/llm/generate", body, "-N", *text).decode()

    assert printed.endswith(f"{TEXT}\n{NOTE}\n")


def test_an_error_is_an_object(gateway: Gateway) -> None:
    """With its status in the head."""
    printed = posted(gateway, "/llm/generate", {"prompt": ""}, "-i").decode()

    assert printed.startswith("HTTP/1.1 422 ")
    assert json.loads(printed.partition("\r\n\r\n")[2])["error"]["param"] == "prompt"


def test_interrupting_aborts_the_engine(gateway: Gateway, engine: FakeEngine) -> None:
    """Ctrl-C in curl ends the engine's work."""
    engine.next({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.01})
    body = json.dumps({"prompt": "Say hi.", "stream": True})
    command = ["curl", "-sN", *JSON, "-d", body, gateway.url + "/llm/generate"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.read(10)
        child.terminate()

    engine.until(lambda stats: stats["aborted"] == 1)
