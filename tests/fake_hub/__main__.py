"""`python -m tests.fake_hub FOLDER`: serve the repositories in a folder; print the port.

FOLDER/NAME/refs.json names commits, FOLDER/NAME/COMMIT/ holds files, FOLDER/NAME/COMMIT.json names
and sizes of others that cannot be fetched, FOLDER/faults.json says what goes wrong with which path,
read anew at each request; FOLDER/requests.jsonl tells what was asked.
"""

import hashlib
import json
import sys
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

ROOT = Path(sys.argv[1])
SERVED: Counter[str] = Counter()


def is_large(name: str, body: bytes) -> bool:
    """The hub stores weights, and files over 10 MB, by their SHA-256, and others by git's id."""
    return name.endswith((".safetensors", ".bin", ".gguf")) or len(body) > 10**7


def entry(name: str, body: bytes, size: Any) -> dict[str, Any]:
    """A file as the hub lists it."""
    fields: dict[str, Any] = {"rfilename": name, "size": size, "blobId": git_id(body)}
    if is_large(name, body):
        fields["lfs"] = {"sha256": hashlib.sha256(body).hexdigest(), "size": size, "pointerSize": 1}
    return fields


def entries(folder: Path, faults: dict[str, Any]) -> list[dict[str, Any]]:
    """The files of a commit, those last of which there are only names and sizes."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    bodies = {str(file.relative_to(folder)): file.read_bytes() for file in files}
    listing = folder.with_suffix(".json")
    promised: dict[str, int] = json.loads(listing.read_text()) if listing.is_file() else {}
    sizes = {name: len(body) for name, body in bodies.items()} | promised | faults.get("sizes", {})
    return [entry(name, bodies.get(name, name.encode()), size) for name, size in sizes.items()]


def git_id(body: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's HTTP as a fetch asks for."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        asked = {"path": path, "range": self.headers.get("range")}
        asked["token"] = self.headers.get("authorization")
        with (ROOT / "requests.jsonl").open("a") as log:
            log.write(json.dumps(asked) + "\n")
        fault = self.fault(path)
        if "status" in fault:
            self.refuse(fault["status"], fault.get("code"))
        elif path.startswith("/api/models/"):
            self.list(path, fault)
        else:
            self.send_file(path, fault)

    def do_HEAD(self) -> None:
        """Describe a file: its commit, its digest and its size."""
        path = unquote(urlsplit(self.path).path)
        fault = self.fault(path, "status")
        file = self.file(path)
        if "status" in fault:
            self.refuse(fault["status"], fault.get("code"))
        elif not file.is_file():
            self.refuse(404, "EntryNotFound")
        else:
            body = file.read_bytes()
            digest = hashlib.sha256(body).hexdigest() if is_large(file.name, body) else git_id(body)
            self.send_response(200)
            self.send_header("x-repo-commit", path.partition("/resolve/")[2].partition("/")[0])
            self.send_header("etag", f'"{digest}"')
            self.send_header("content-length", str(len(body)))
            self.end_headers()

    def file(self, path: str) -> Path:
        """Return the file that a path of a commit names."""
        name, _, rest = path[1:].partition("/resolve/")
        return ROOT / name / rest

    def fault(self, path: str, kind: str = "") -> dict[str, Any]:
        """Return the fault of this request: for the first `times` of it, or always."""
        faults: dict[str, dict[str, Any]] = json.loads((ROOT / "faults.json").read_text())
        for end, fault in faults.items():
            if path.endswith(end) and (not kind or kind in fault):
                SERVED[end] += 1
                return fault if SERVED[end] <= fault.get("times", 10**9) else {}
        return {}

    def refuse(self, status: int, code: str | None = None) -> None:
        self.send_response(status)
        if code:
            self.send_header("x-error-code", code)
        self.send_header("content-length", "0")
        self.end_headers()

    def list(self, path: str, fault: dict[str, Any]) -> None:
        time.sleep(fault.get("stall", 0))
        name, _, revision = path.removeprefix("/api/models/").partition("/revision/")
        if not (ROOT / name / "refs.json").is_file():
            self.refuse(401 if self.headers.get("authorization") is None else 404, "RepoNotFound")
            return
        refs: dict[str, str] = json.loads((ROOT / name / "refs.json").read_text())
        commit = refs.get(revision or "main", revision)
        folder = ROOT / name / commit
        if not folder.is_dir():
            self.refuse(404, "RevisionNotFound")
            return
        siblings = entries(folder, fault)
        self.answer(200, json.dumps({"id": name, "sha": commit, "siblings": siblings}).encode())

    def send_file(self, path: str, fault: dict[str, Any]) -> None:
        file = self.file(path)
        if not file.is_file():
            self.refuse(404, "EntryNotFound")
            return
        body = file.read_bytes()
        sent = body[::-1] if fault.get("spoil") else body
        start = 0
        if (wanted := self.headers.get("range")) and not fault.get("ignores_range"):
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start >= len(body) > 0:
            self.refuse(416)
            return
        self.answer(206 if start else 200, sent[start:], fault, start)

    def answer(
        self, status: int, body: bytes, fault: dict[str, Any] | None = None, start: int = 0
    ) -> None:
        fault = fault or {}
        body *= fault.get("repeats", 1)
        self.send_response(status)
        if status == 206:
            end = start + len(body)
            self.send_header("content-range", f"bytes {start}-{end - 1}/{end}")
        said = fault.get("says", len(body))
        self.send_header("content-length", str(said))
        self.end_headers()
        until = max(0, fault["until"] - start) if "until" in fault else len(body)
        now = body[: fault.get("after", until)][:said]
        self.wfile.write(now)
        self.wfile.flush()
        if "after" in fault or "until" in fault:
            time.sleep(fault.get("stall", 0))
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.daemon_threads = True
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
