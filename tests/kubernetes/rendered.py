"""Overlays rendered by kustomize, as objects to ask about."""

import functools
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from requirements import programs

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "docker" / "kubernetes"
OVERLAYS = sorted(folder.name for folder in (KUBERNETES / "overlays").iterdir())
Object = dict[str, Any]


@functools.cache
def text(overlay: str) -> str:
    """The YAML of an overlay."""
    return built(KUBERNETES / "overlays" / overlay)


def built(folder: Path) -> str:
    """The YAML of a folder; the test is skipped without kustomize."""
    if lacking := programs.reason("kustomize"):
        pytest.skip(lacking)
    done = subprocess.run(["kustomize", "build", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@functools.cache
def everything(overlay: str) -> list[Object]:
    """Every object of an overlay."""
    return [document for document in yaml.load_all(text(overlay), yaml.CSafeLoader) if document]


def objects(overlay: str, kind: str | None = None) -> list[Object]:
    """All objects, or those of a kind."""
    return [document for document in everything(overlay) if kind in (None, document["kind"])]


def one(overlay: str, kind: str, name: str) -> Object:
    """The object of this kind and name; generated names have a hash behind."""
    (match,) = [
        thing
        for thing in objects(overlay, kind)
        if thing["metadata"]["name"].rpartition("-")[0] == name or thing["metadata"]["name"] == name
    ]
    return match


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod template: whose it is, its labels, its spec, and the claims its owner makes for it."""

    owner: str
    labels: dict[str, str]
    spec: Object
    claims: frozenset[str] = frozenset()

    @property
    def containers(self) -> list[Object]:
        """Those that run before it, and the only one that stays."""
        return [*self.spec.get("initContainers", ()), self.container]

    @property
    def container(self) -> Object:
        """Its only one."""
        (only,) = self.spec["containers"]
        main: Object = only
        return main


def pods(overlay: str) -> Iterator[Pod]:
    """Every pod template of an overlay."""
    for thing in objects(overlay):
        owner, spec = f"{thing['kind']}/{thing['metadata']['name']}", thing.get("spec", {})
        spec = spec["jobTemplate"]["spec"] if thing["kind"] == "CronJob" else spec
        if "template" in spec:
            made = spec.get("volumeClaimTemplates", ())
            claims = frozenset(claim["metadata"]["name"] for claim in made)
            yield replace(pod(owner, spec["template"]), claims=claims)


def pod(owner: str, template: Object) -> Pod:
    return Pod(owner, template["metadata"]["labels"], template["spec"])
