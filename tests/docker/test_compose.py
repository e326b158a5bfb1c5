"""The compose files: they parse, and nobody reaches the engine but the gateway."""

import re
from typing import Any

import pytest
import yaml

from gateway.settings.gateway import known_names
from gateway.settings.gateway import load as load_settings
from tests.docker.dockerfile import ROOT, stages

NAMES = ("compose.yaml", "compose.cpu.yaml")
README = "README.md"  # its folded file has TLS, keys and Open WebUI
ALL = (*NAMES, README)


def load(name: str) -> dict[str, Any]:
    if name == README:
        text = (ROOT / README).read_text().partition("```yaml\n")[2].partition("```\n")[0]
    else:
        text = (ROOT / "docker" / name).read_text()
    content: dict[str, Any] = yaml.safe_load(text)
    return content


@pytest.mark.parametrize("name", ALL)
def test_engine_is_on_an_internal_network_only(name: str) -> None:
    """No published port, no network with a way out."""
    compose = load(name)
    engine = compose["services"]["engine"]

    assert "ports" not in engine
    assert engine["networks"] == ["inside"]
    assert compose["networks"]["inside"]["internal"] is True


@pytest.mark.parametrize("name", NAMES)
def test_only_the_gateway_is_published(name: str) -> None:
    """One published port, on this machine's own address, since access is open by default."""
    services = load(name)["services"]
    published = {service: entry["ports"] for service, entry in services.items() if "ports" in entry}

    assert published == {"gateway": ["127.0.0.1:8000:8000"]}
    assert set(services["gateway"]["networks"]) == {"front", "inside"}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("service", ["gateway", "engine", "fetch"])
def test_services_are_hardened(name: str, service: str) -> None:
    """Read-only root, no capability, no way to new ones, time to stop in."""
    entry = load(name)["services"][service]

    check_hardened(entry)
    assert entry["stop_grace_period"] == "40s"


@pytest.mark.parametrize("service", ["prometheus", "grafana"])
def test_observers_are_hardened(service: str) -> None:
    """As the others are; pinned, on this machine's own address, without a way to the engine."""
    entry = load("compose.observability.yaml")["services"][service]

    check_hardened(entry)
    assert entry["networks"] == ["front"]
    assert all(port.startswith("127.0.0.1:") for port in entry.get("ports", ()))
    assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", entry["image"])


def check_hardened(entry: dict[str, Any]) -> None:
    assert entry["read_only"] is True
    assert entry["tmpfs"] == ["/tmp"]
    assert entry["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in entry["security_opt"]


def test_the_readme_s_file_is_fit_for_production() -> None:
    """Its gateway starts with these settings, and clients reach it through the proxy alone."""
    services = load(README)["services"]
    environment = services["gateway"]["environment"]
    settings = load_settings(
        {name: "k" * 32 if "${" in value else value for name, value in environment.items()}, None
    )

    assert settings.env == "production"
    assert {name for name, entry in services.items() if "ports" in entry} == {"caddy"}
    for name in ("caddy", "open-webui"):
        assert services[name]["networks"] == ["front"]
        assert re.search(r":v?\d+\.\d+", services[name]["image"])


@pytest.mark.parametrize("name", ALL)
def test_engine_and_gateway_agree(name: str) -> None:
    """One key, which no file contains, one status file, and the port the engine listens on."""
    services = load(name)["services"]
    gateway, engine = services["gateway"]["environment"], services["engine"]["environment"]

    assert gateway["MMHIE_ENGINE_API_KEY"].startswith("${MMHIE_ENGINE_API_KEY:?")
    for shared in ("MMHIE_ENGINE_API_KEY", "MMHIE_PHASE_FILE"):
        assert gateway[shared] == engine[shared]
    port = gateway["MMHIE_ENGINE_URL"].rpartition(":")[2]
    assert (ROOT / "launcher/cli/engine.py").read_text().count(f", {port}  #") == 1
    assert services["engine"]["healthcheck"]["test"][-1] == port


@pytest.mark.parametrize("name", NAMES)
def test_settings_and_targets_exist(name: str) -> None:
    """No service names a setting, a Dockerfile or a build target that is not there."""
    made_here = (entry for entry in load(name)["services"].values() if "build" in entry)
    for service in made_here:
        named = service["environment"]
        ours = {key for key in named if key.startswith("MMHIE_")}
        assert ours <= known_names()
        file = ROOT / "docker" / service["build"]["context"] / service["build"]["dockerfile"]
        assert file.is_file()
        target = service["build"].get("target")
        assert target is None or target in stages(file.name.partition(".")[0])


@pytest.mark.parametrize("name", ALL)
def test_the_engine_waits_for_whole_files(name: str) -> None:
    """The set model is fetched into its volume by the only other service of its image."""
    services = load(name)["services"]
    fetch, engine = services["fetch"], services["engine"]

    assert engine["depends_on"] == {"fetch": {"condition": "service_completed_successfully"}}
    assert (fetch["command"], fetch["image"]) == (["fetch"], engine["image"])
    assert "cache:/cache" in engine["volumes"]
    assert "cache:/cache" in fetch["volumes"]
    assert fetch["networks"] == ["front"]
    for chosen in ("MMHIE_REASONER_MODEL", "env_file"):
        assert fetch.get(chosen) == engine.get(chosen)
        assert fetch["environment"].get(chosen) == engine["environment"].get(chosen)
