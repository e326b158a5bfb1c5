"""curl: bytes, exit codes and statuses; what a shell script sees."""

import json
import subprocess
from typing import Any

from protocol import ASKED, FORMAT, MODEL, NAMED, TOOL, URL, serve

CHAT = "/v1/chat/completions"
CURL = ["curl", "--silent", "--no-buffer", "--max-time", "60", "--fail-with-body"]
JSON = ["-H", "content-type: application/json"]
REFUSED_STATUS = 22  # curl's exit code for a status of 400 or more
chatting: dict[str, Any] = {"model": MODEL, **ASKED["chat"]}


class RefusedError(Exception):
    """Exit code 22, and an error object on standard output."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status_code = status


class InBandError(Exception):
    """An error object among the events."""


def command(body: dict[str, Any], path: str = CHAT) -> list[str]:
    return [*CURL, *JSON, "-d", json.dumps(body), URL + path]


def post(body: dict[str, Any], path: str = CHAT) -> bytes:
    """Return the output of curl; raises RefusedError."""
    asking = [*command(body, path), "--write-out", "%{stderr}%{http_code}"]
    done = subprocess.run(asking, capture_output=True, check=False)
    if done.returncode == REFUSED_STATUS:
        raise RefusedError(int(done.stderr), json.loads(done.stdout)["error"]["message"])
    assert done.returncode == 0, done
    return done.stdout


def events(printed: bytes) -> list[dict[str, Any]]:
    """The JSON events of a stream; raises InBandError."""
    lines = [line[6:] for line in printed.split(b"\n") if line.startswith(b"data: {")]
    events = [json.loads(line) for line in lines]
    for event in events:
        if "error" in event:
            raise InBandError(event["error"]["message"])
    return events


def text_of(answer: dict[str, Any]) -> dict[str, Any]:
    return {"text": answer["choices"][0]["message"]["content"], "label": label(answer)}


def label(answer: dict[str, Any]) -> str:
    return str(answer["mmhie"]["disclaimer"]["text"])


def version() -> dict[str, Any]:
    printed = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True)
    return {"version": printed.stdout.split()[1]}


def chat() -> dict[str, Any]:
    return text_of(json.loads(post(chatting)))


def stream() -> dict[str, Any]:
    chunks = events(post({**chatting, "stream": True}))
    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    return {"text": text, "label": label(chunks[0])}


def tools() -> dict[str, Any]:
    answer = json.loads(post({**chatting, "tools": [TOOL], "tool_choice": NAMED}))
    call = answer["choices"][0]["message"]["tool_calls"][0]["function"]
    return {
        "name": call["name"],
        "arguments": json.loads(call["arguments"]),
        "label": label(answer),
    }


def structured_output() -> dict[str, Any]:
    answer = text_of(json.loads(post({**chatting, "response_format": FORMAT})))
    return {"value": json.loads(answer["text"]), "label": answer["label"]}


def responses() -> dict[str, Any]:
    body = {"model": MODEL, "input": "Say hi.", "temperature": 0, "max_output_tokens": 60}
    answer = json.loads(post(body, "/v1/responses"))
    return {"text": answer["output"][0]["content"][0]["text"], "label": label(answer)}


def not_found() -> dict[str, Any]:
    return text_of(json.loads(post({**chatting, "model": "nope"})))


def bad_request() -> dict[str, Any]:
    return text_of(json.loads(post({**chatting, "temperature": -1})))


def cancel() -> dict[str, Any]:
    body = {"model": MODEL, **ASKED["endless"], "stream": True, "ignore_eos": True}
    with subprocess.Popen(command(body), stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        seen = sum(child.stdout.readline().startswith(b"data: {") for _ in range(8))
        child.terminate()
    return {"seen": seen}


serve(vars())
