"""curl: bytes, exit codes and statuses; what a shell script sees."""

import json
import subprocess
from typing import Any

from protocol import ASKED, MODEL, URL, completions, label, serve

CHAT = "/v1/chat/completions"
CURL = ["curl", "--silent", "--no-buffer", "--max-time", "60", "--fail-with-body"]
JSON = ["-H", "content-type: application/json"]
REFUSED_STATUS = 22  # curl's exit code for a status of 400 or more


class RefusedError(Exception):
    """Exit code 22, and an error object on standard output."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status_code = status


class InBandError(Exception):
    """An error object among the events."""


class Printed(dict[str, Any]):
    """An object of JSON, read as the objects of clients are."""

    def __getattr__(self, name: str) -> Any:
        return self.get(name)

    @property
    def model_extra(self) -> "Printed":
        return self


def command(body: dict[str, Any], path: str = CHAT) -> list[str]:
    return [*CURL, *JSON, "-d", json.dumps({"model": MODEL, **body}), URL + path]


def post(body: dict[str, Any], path: str = CHAT) -> bytes:
    """Return the output of curl; raises RefusedError."""
    asking = [*command(body, path), "--write-out", "%{stderr}%{http_code}"]
    done = subprocess.run(asking, capture_output=True, check=False)
    if done.returncode == REFUSED_STATUS:
        raise RefusedError(int(done.stderr), json.loads(done.stdout)["error"]["message"])
    assert done.returncode == 0, done
    return done.stdout


def create(**body: Any) -> Any:
    """A completion, or the events of a stream."""
    printed = post({**ASKED["chat"], **body})
    return events(printed) if body.get("stream") else json.loads(printed, object_hook=Printed)


def events(printed: bytes) -> list[Printed]:
    """The JSON events of a stream; raises InBandError."""
    lines = [line[6:] for line in printed.split(b"\n") if line.startswith(b"data: {")]
    events = [json.loads(line, object_hook=Printed) for line in lines]
    for event in events:
        if "error" in event:
            raise InBandError(event["error"]["message"])
    return events


def version() -> dict[str, Any]:
    printed = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True)
    return {"version": printed.stdout.split()[1]}


def responses() -> dict[str, Any]:
    answer = json.loads(post(ASKED["responses"], "/v1/responses"), object_hook=Printed)
    return {"text": answer.output[0].content[0].text, "label": label(answer)}


def cancel() -> dict[str, Any]:
    body = {**ASKED["endless"], "stream": True, "ignore_eos": True}
    with subprocess.Popen(command(body), stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        seen = sum(child.stdout.readline().startswith(b"data: {") for _ in range(8))
        child.terminate()
    return {"seen": seen}


serve({**completions(create), **vars()})
