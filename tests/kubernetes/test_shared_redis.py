"""The component that points all gateways to one Redis."""

import os
from pathlib import Path

import yaml

from tests.kubernetes.rendered import KUBERNETES, built


def test_gateways_find_it(tmp_path: Path) -> None:
    """Its address comes from a secret, and there is a way to it."""
    folder = Path(os.path.relpath(KUBERNETES, tmp_path.resolve()))
    made = {
        "resources": [str(folder / "overlays" / "one-node")],
        "components": [str(folder / "shared-redis")],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(made))
    rendered = [one for one in yaml.safe_load_all(built(tmp_path)) if one]
    found = {
        (one["kind"], one["metadata"]["name"]): one["spec"] for one in rendered if "spec" in one
    }
    (container,) = found["Deployment", "gateway"]["template"]["spec"]["containers"]
    env = {one["name"]: one.get("valueFrom") for one in container["env"]}
    ports = [one["ports"][0]["port"] for one in found["NetworkPolicy", "gateway"]["egress"]]

    assert env["MMHIE_REDIS_URL"] == {"secretKeyRef": {"name": "mmhie-redis", "key": "url"}}
    assert 6379 in ports
