"""The one disk that everything is written to fills up under open requests: trail, log, counts."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from gateway.audit.rotation import rotated_files
from gateway.audit.verify import verify
from tests.contract.process import Gateway
from tests.contract.surfaces import SSE, SURFACES, events
from tests.contract.test_notices import EMERGENCY, ID
from tests.fake_engine.process import FakeEngine
from tests.faults.disk import Disk, mounted
from tests.gateway.audit.conftest import KEY, lines, trail_settings
from tests.gateway.processes.conftest import Several
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.slow


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with mounted(tmp_path / "disk") as mount:
        if mount is None:
            pytest.skip("nobody here may mount a file system")
        yield mount


def writing_to(disk: Disk, engine: FakeEngine, **more: str) -> Several:
    """A gateway of two workers that has nowhere else to write."""
    audited = trail_settings(disk.folder / "audit.jsonl")
    return Several(
        disk.folder, engine.url, TMPDIR=str(disk.folder), MMHIE_WORKERS="2", **audited, **more
    )


class Asked:
    """Answers by request id, as far as callers saw them."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.statuses: dict[str, int] = {}

    def ask(self) -> list[httpx2.Response]:
        """Once through every surface, each over a connection of its own: any worker may get it."""
        return [self.one(number) for number in range(len(SURFACES))]

    def one(self, number: int = 0) -> httpx2.Response:
        surface = SURFACES[number]
        client = httpx2.Client(base_url=self.gateway.url, timeout=PATIENCE_S, trust_env=False)
        with client:
            answer = surface.ask(client, EMERGENCY)
        self.statuses[answer.headers["x-request-id"]] = answer.status_code
        return answer

    def until(self, true: Callable[[httpx2.Response], bool]) -> float:
        """Ask until an answer is as it should be; the seconds that took."""
        began = time.monotonic()
        until(lambda: true(self.one()))
        return time.monotonic() - began

    def are(self, status: int) -> bool:
        """Return whether every answer has this status, whichever worker gives it."""
        return {answer.status_code for _ in range(4) for answer in self.ask()} == {status}

    @property
    def acknowledged(self) -> set[str]:
        return {request_id for request_id, status in self.statuses.items() if status == 200}


@pytest.mark.parametrize("policy", ["refuse", "serve"])
def test_it_fills_up_and_is_cleared(
    disk: Disk, engine: FakeEngine, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No worker dies, no stream is cut; the policy decides what is answered; once there is room
    all is well again, and every answer that was given has its line."""
    with writing_to(disk, engine, MMHIE_AUDIT_ON_FAILURE=policy) as gateway:
        pids = gateway.wait().settled(2).pids()
        asked = Asked(gateway)
        assert {answer.status_code for answer in asked.ask()} == {200}

        engine.next(fault="slow_tokens", seconds=0.1)
        with SSE.stream(gateway.client, EMERGENCY) as stream:
            parts = stream.iter_bytes()
            begun = next(parts)
            disk.fill()
            found_s = asked.until(lambda _: is_failing(gateway))
            until(lambda: asked.are(expected(policy)))  # both workers have found out
            late = asked.ask()
            if policy == "refuse":
                assert {refusal(answer) for answer in late} == {("audit_unavailable", ID)}
            assert gateway.client.get("/readyz").status_code == expected(policy)
            assert gateway.client.get("/healthz").json()["warnings"]
            assert events(begun + b"".join(parts))[-1] == "[DONE]"

        disk.make_room()
        recovered_s = asked.until(lambda answer: answer.status_code == 200)
        recovered_s += asked.until(lambda _: gateway.answers("/readyz"))
        assert gateway.pids() == pids
        assert gateway.metric("mmhie_workers_lost") == 0
    assert gateway.exit_code() == 0

    check_trail(disk.folder / "audit.jsonl", asked.acknowledged)
    figures = f"found after {found_s:.1f} s, over {recovered_s:.1f} s after there was room"
    with capsys.disabled():
        print(f"\ndisk full, {policy}: {figures}")  # noqa: T201 - the point of it


def is_failing(gateway: Gateway) -> bool:
    return "audit_failing 1.0" in gateway.client.get("/metrics").text


def check_trail(trail: Path, acknowledged: set[str]) -> None:
    """Assert that every answer has its line, with its notice, and that the trail is whole."""
    told = [line for file in (*rotated_files(trail), trail) for line in lines(file)]
    assert acknowledged <= {line.get("request_id") for line in told}
    assert all(line["notices"] == [ID] for line in told if "prompt_digest" in line)
    assert not verify(trail, key=KEY).findings


def refusal(answer: httpx2.Response) -> tuple[str, str]:
    """Its code, and the id of the notice that came with it."""
    error = answer.json()["error"]
    (notice,) = error["mmhie"]["notices"]
    return error["code"], notice["id"]


def expected(policy: str) -> int:
    return 503 if policy == "refuse" else 200


def test_there_is_no_room_to_start_in(disk: Disk, engine: FakeEngine) -> None:
    """Exit code 2, and a sentence that names the folder and what to do."""
    subprocess.run(["fallocate", "--length", "47M", disk.ballast], check=True)
    with writing_to(disk, engine) as gateway:
        assert gateway.exit_code() == 2
    assert f"cannot be kept in {disk.folder} (No space left on device)" in gateway.log


def test_counts_are_never_sparse(engine: FakeEngine, tmp_path: Path) -> None:
    """Every file that workers map is there in full, before and after it is used; a dead worker's
    successor needs no more room."""
    with Several(tmp_path, engine.url, TMPDIR=str(tmp_path), MMHIE_WORKERS="2") as gateway:
        gateway.wait().settled(2)
        for surface in SURFACES:
            surface.ask(gateway.client)
        gateway.client.get("/metrics")
        files = list(tmp_path.glob("mmhie-metrics-*/*.db"))
        assert len(files) == 2 * 6
        for file in files:
            assert file.stat().st_blocks * 512 >= file.stat().st_size, file
