"""Components that an operator adds to an overlay: each has its settings, and a way out for them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
import yaml

from gateway.settings.gateway import load
from tests.kubernetes.rendered import KUBERNETES, OVERLAYS, Object, built

COMPONENTS: Final[Mapping[str, tuple[int, set[str]]]] = {
    "shared-redis": (6379, {"MMHIE_REDIS_URL"}),
    "egress/feed": (443, {"MMHIE_AUDIT_FHIR_URL"}),
    "egress/jwks": (443, {"MMHIE_JWKS_URL", "MMHIE_JWT_ISSUER", "MMHIE_JWT_AUDIENCE"}),
    "egress/traces": (4318, {"MMHIE_TRACES_ENDPOINT"}),
}
SECRETS: Final = {
    **dict.fromkeys(("MMHIE_AUDIT_KEY", "MMHIE_DIGEST_KEY"), "k" * 32),
    "MMHIE_REDIS_URL": "rediss://redis",
}


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_opens_its_way(component: str, overlay: str, tmp_path: Path) -> None:
    """One way more than before, for settings that the gateway accepts with all others."""
    before, after = rendered(tmp_path, overlay), rendered(tmp_path, overlay, component)
    port, names = COMPONENTS[component]
    (way,) = [way for way in egress(after) if way not in egress(before)]

    assert way["ports"] == [{"protocol": "TCP", "port": port}]
    assert way["to"]
    assert settings(after).keys() - settings(before).keys() == names
    assert load(settings(after) | SECRETS, None).env == "production"


def rendered(folder: Path, overlay: str, *components: str) -> dict[tuple[str, str], Object]:
    """The objects of an overlay with components, by kind and name."""
    above = Path(os.path.relpath(KUBERNETES, folder.resolve()))
    made = {
        "resources": [str(above / "overlays" / overlay)],
        "components": [str(above / component) for component in components],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(made))
    objects = [each for each in yaml.safe_load_all(built(folder)) if each]
    return {(each["kind"], plain_name(each)): each for each in objects}


def plain_name(each: Object) -> str:
    """The name of an object, of a ConfigMap without the generated hash."""
    name: str = each["metadata"]["name"]
    return name.rpartition("-")[0] if each["kind"] == "ConfigMap" else name


def egress(objects: Mapping[tuple[str, str], Object]) -> list[Object]:
    """The ways out of the gateway."""
    ways: list[Object] = objects["NetworkPolicy", "gateway"]["spec"]["egress"]
    return ways


def settings(objects: Mapping[tuple[str, str], Object]) -> dict[str, str]:
    """The gateway's settings; those from secrets without their values."""
    template = objects["Deployment", "gateway"]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    own = {each["name"]: each.get("value", "") for each in container["env"]}
    data: dict[str, str] = objects["ConfigMap", "gateway-settings"]["data"]
    return own | data
