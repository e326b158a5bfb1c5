"""A Prometheus with the project's own configuration, but for where and how often it scrapes."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from requirements import programs
from tests.contract.process import free_port
from tests.observability.queries import DOCKER

PATIENCE_S = 900.0


def program(name: str) -> str:
    """Its path; the test is skipped where it is missing."""
    executable = programs.find(name)
    if executable is None:
        pytest.skip(programs.reason(name))
    return executable


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
        samples: list[dict[str, Any]] = self.ask("/query", query=expression)["result"]
        return [sample for sample in samples if sample["value"][1] != "NaN"]

    def until(self, expression: str, what: str = "") -> None:
        """Wait until an expression gives something."""
        self._wait(lambda: self._gives(expression), f"{what} {expression} gave nothing".strip())

    def until_rules_are_healthy(self, names: Iterable[str]) -> None:
        """Wait until each rule was evaluated once; none of them may have failed."""
        wanted = set(names)
        self._wait(lambda: self._health().keys() == wanted, "the rules are others")
        self._wait(lambda: "unknown" not in self._health().values(), "a rule was never evaluated")
        assert self._health() == dict.fromkeys(wanted, "ok")

    def _health(self) -> dict[str, str]:
        groups = self.ask("/rules")["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    def _wait(self, holds: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert self.child.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < deadline, complaint
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
