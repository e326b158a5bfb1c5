"""A Prometheus with the project's own configuration, but for where and how often it scrapes."""

import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from requirements import programs
from tests.contract.process import free_port
from tests.observability.queries import DOCKER

PATIENCE_S = 60.0


def program(name: str) -> str:
    """Its path; the test is skipped where it is missing."""
    found = programs.find(name)
    if found is None:
        pytest.skip(programs.reason(name))
    return found


class Prometheus:
    """A running Prometheus that scrapes one gateway."""

    def __init__(self, folder: Path, target: str) -> None:
        address = f"127.0.0.1:{free_port()}"
        shutil.copy(DOCKER / "prometheus" / "alerts.yml", folder)
        (folder / "prometheus.yml").write_text(configuration(target))
        self.log = folder / "prometheus.log"
        command = [
            program("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
        ]
        with self.log.open("wb") as output:
            self.child = subprocess.Popen(command, stdout=output, stderr=output)
        self.client = httpx2.Client(base_url=f"http://{address}/api/v1", trust_env=False)

    def ask(self, path: str, **parameters: str) -> Any:
        """The `data` of one answer of its API."""
        answer = self.client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def result(self, expression: str) -> list[dict[str, Any]]:
        """The series an expression gives now, without those that are not a number."""
        found: list[dict[str, Any]] = self.ask("/query", query=expression)["result"]
        return [one for one in found if one["value"][1] != "NaN"]

    def until(self, expression: str) -> None:
        """Wait until an expression gives something."""
        deadline = time.monotonic() + PATIENCE_S
        while not self._gives(expression):
            assert self.child.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < deadline, f"{expression} gave nothing"
            time.sleep(0.2)

    def _gives(self, expression: str) -> bool:
        try:
            return bool(self.result(expression))
        except (httpx2.TransportError, AssertionError):
            return False

    def stop(self) -> None:
        """End it and wait for that."""
        self.client.close()
        self.child.terminate()
        self.child.wait(timeout=PATIENCE_S)


def configuration(target: str) -> str:
    """The project's file with another target, scraped every second."""
    whole = yaml.safe_load((DOCKER / "prometheus" / "prometheus.yml").read_text())
    whole["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (job,) = whole["scrape_configs"]
    job["static_configs"] = [{"targets": [target]}]
    return str(yaml.safe_dump(whole))
