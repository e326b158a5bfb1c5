"""`mmhie fetch` against a hub of one repository, served on loopback."""

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

MMHIE = Path(sys.executable).with_name("mmhie")
COMMIT = "c" * 40
WEIGHTS = b"weights" * 1000
FILES = {"config.json": b"{}", "model.safetensors": WEIGHTS, "original/model.bin": b"a copy"}
ADAPTER = {"adapter_config.json": b'{"base_model_name_or_path": "a/b"}'}


def is_large(name: str) -> bool:
    """The hub keeps the file by its SHA-256, as it does with weights."""
    return name.endswith(("safetensors", "bin"))


def digest(name: str, body: bytes) -> str:
    return (hashlib.sha256 if is_large(name) else hashlib.sha1)(body).hexdigest()


def entry(name: str, body: bytes) -> dict[str, object]:
    """A file as the hub lists it."""
    large = {"lfs": {"oid": digest(name, body), "size": len(body), "pointerSize": 100}}
    listed = {"type": "file", "path": name, "size": len(body), "oid": digest("", body)}
    return listed | (large if is_large(name) else {})


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's HTTP as its own client asks for; `spoils` makes it send other bytes."""

    spoils = False

    def do_GET(self) -> None:
        files = ADAPTER if "/an/adapter/" in self.path else FILES
        if "/tree/" in self.path:
            listing = [entry(name, body) for name, body in files.items()]
            self.answer(json.dumps(listing).encode(), {"content-type": "application/json"})
            return
        if self.path.startswith("/api/models/"):
            siblings = [{"rfilename": name} for name in files]
            body = json.dumps({"id": "a/b", "sha": COMMIT, "siblings": siblings}).encode()
            self.answer(body, {"content-type": "application/json"})
            return
        self.send_file(with_body=True)

    def do_HEAD(self) -> None:
        self.send_file(with_body=False)

    def send_file(self, *, with_body: bool) -> None:
        name = self.path.split(f"/resolve/{COMMIT}/")[-1]
        files = {**FILES, **ADAPTER}
        if name not in files:
            self.send_error(404)
            return
        body = files[name]
        sent = body[::-1] if self.spoils and is_large(name) else body
        headers = {"etag": f'"{digest(name, body)}"', "x-repo-commit": COMMIT}
        self.answer(sent if with_body else b"", headers, length=len(body))

    def answer(self, body: bytes, headers: dict[str, str], length: int | None = None) -> None:
        self.send_response(200)
        for header, value in headers.items():
            self.send_header(header, value)
        self.send_header("content-length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(hub: str, home: Path, name: str = "a/b") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MMHIE, "fetch", name],
        env={"HF_ENDPOINT": hub, "HF_HOME": str(home), "PATH": "/usr/bin:/bin"},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_weights_come_without_the_copies(hub: str, tmp_path: Path) -> None:
    """The folder of the snapshot is printed; a second run needs nothing."""
    done = fetch(hub, tmp_path)
    folder = Path(done.stdout.strip())

    assert done.returncode == 0, done.stderr
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert not (folder / "original").exists()
    assert fetch(hub, tmp_path).stdout == done.stdout


def test_an_adapter_brings_its_base(hub: str, tmp_path: Path) -> None:
    """Without it the adapter would not run; what is printed is the adapter's folder."""
    done = fetch(hub, tmp_path, "an/adapter")

    assert done.returncode == 0, done.stderr
    assert (Path(done.stdout.strip()) / "adapter_config.json").is_file()
    bases = list((tmp_path / "hub" / "models--a--b").rglob("model.safetensors"))
    assert [file.read_bytes() for file in bases] == [WEIGHTS]


def test_a_damaged_file_is_found_and_removed(
    hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The right length is not the right bytes; the next run fetches it anew."""
    monkeypatch.setattr(Hub, "spoils", True)
    spoilt = fetch(hub, tmp_path)
    monkeypatch.setattr(Hub, "spoils", False)

    assert spoilt.returncode == 2
    assert "damaged" in spoilt.stderr
    assert fetch(hub, tmp_path).returncode == 0


def test_a_hub_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """Exit code 2 and what to check."""
    done = fetch("http://127.0.0.1:9", tmp_path)

    assert done.returncode == 2
    assert "cannot be fetched" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_here_already_needs_no_hub(tmp_path: Path) -> None:
    """The embedded model and a folder are told where they are."""
    (tmp_path / "model").mkdir()
    embedded = fetch("http://127.0.0.1:9", tmp_path, "embedded")
    folder = fetch("http://127.0.0.1:9", tmp_path, "./model")

    assert embedded.returncode == folder.returncode == 0, (embedded.stderr, folder.stderr)
    assert Path(embedded.stdout.strip()).suffix == ".gguf"
    assert folder.stdout.strip() == "model"


def test_what_is_no_hub_id_is_told(tmp_path: Path) -> None:
    """Without asking the hub for it."""
    done = fetch("http://127.0.0.1:9", tmp_path, "/no/such/folder")

    assert done.returncode == 2
    assert "neither on this machine nor a hub id" in done.stderr
    assert done.stderr.count("\n") == 1
