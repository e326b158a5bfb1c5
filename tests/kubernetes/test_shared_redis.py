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
    rendered = [document for document in yaml.safe_load_all(built(tmp_path)) if document]
    specs = {
        (document["kind"], document["metadata"]["name"]): document["spec"]
        for document in rendered
        if "spec" in document
    }
    (container,) = specs["Deployment", "gateway"]["template"]["spec"]["containers"]
    env = {variable["name"]: variable.get("valueFrom") for variable in container["env"]}
    ports = [rule["ports"][0]["port"] for rule in specs["NetworkPolicy", "gateway"]["egress"]]

    assert env["MMHIE_REDIS_URL"] == {"secretKeyRef": {"name": "mmhie-redis", "key": "url"}}
    assert 6379 in ports
