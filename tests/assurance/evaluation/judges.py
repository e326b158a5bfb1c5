"""A judge of rubrics as a site names one: an OpenAI-compatible server, which may be no good."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from assurance.evaluation.items import OWN, read_items
from assurance.evaluation.rules.rubric import Rubric

MET = '{"criteria_met": true}'
WORDS = {"fine": MET, "prose": f"Well. It says {MET}, so yes.", "twice": MET + MET}
GULLIBLE = "gullible"  # a judge of this name does what an answer tells it
ITEMS = {
    (item.rule.criteria[0].criterion, item.given): item
    for item in read_items(OWN / "calibration.jsonl")
    if isinstance(item.rule, Rubric)
}


class Handler(BaseHTTPRequestHandler):
    """Labels the calibration right, except for the traps if it is gullible, and else says what the
    word in the criterion asks for; `down` is an error."""

    def do_POST(self) -> None:
        """Answer one question."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer, criterion = body["messages"][-1]["content"].split("\n\n")[1:3]
        said = verdict(answer, criterion, is_gullible=body["model"] == GULLIBLE)
        reply = json.dumps(completion(said) if said else {"error": {"message": "down"}}).encode()
        self.send_response(200 if said else 500)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def verdict(quoted: str, asked: str, *, is_gullible: bool) -> str | None:
    """Return what the judge says of an answer and a criterion."""
    criterion = asked.removeprefix("Criterion: ")
    item = ITEMS.get((criterion, json.loads(quoted)["answer"]))
    if item is not None:
        return json.dumps(
            {"criteria_met": ("not met" not in item.group) ^ (is_gullible and item.is_trap)}
        )
    return next((text for word, text in WORDS.items() if word in criterion), None)


def completion(text: str) -> dict[str, Any]:
    """Return a chat completion."""
    message = {"role": "assistant", "content": text}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "judge",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }


@contextmanager
def judging() -> Iterator[str]:
    """Yield the address of a judge."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
