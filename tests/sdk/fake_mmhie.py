"""Stands in for `mmhie serve`: a small server that notes its start, or fails as FAKE_MODE says."""

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ANSWER = json.dumps({"text": "Local answer.", "finish_reason": "stop"}).encode()


class Handler(BaseHTTPRequestHandler):
    """Ready after FAKE_READY_SECONDS; answers every question the same; /die ends the process."""

    started = time.monotonic()

    def do_GET(self) -> None:
        delay = float(os.environ.get("FAKE_READY_SECONDS", "0"))
        self._reply(200 if time.monotonic() - self.started >= delay else 503, b"{}")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._reply(200, ANSWER)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def note_start() -> None:
    mine = {name: text for name, text in os.environ.items() if name.startswith("MMHIE_")}
    start = {"pid": os.getpid(), "parent": os.getppid(), "argv": sys.argv[1:], "env": mine}
    with Path(os.environ["FAKE_STARTS"]).open("a") as starts:
        starts.write(json.dumps(start) + "\n")


def end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    note_start()
    if os.environ.get("FAKE_MODE") == "refuse":
        sys.stderr.write("MMHIE_PORT is taken.\n\n")
        sys.exit(2)
    threading.Thread(target=end_with_parent, daemon=True).start()
    address = (os.environ["MMHIE_HOST"], int(os.environ["MMHIE_PORT"]))
    ThreadingHTTPServer(address, Handler).serve_forever()


if __name__ == "__main__":
    main()
