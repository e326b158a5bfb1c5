"""The Kubernetes objects: valid by schema, and consistent with each other."""

import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from gateway.engine.watch import read_status_file
from gateway.settings.gateway import known_names, load
from tests.kubernetes.rendered import OVERLAYS, Object, objects, one, pods, text

# Kinds of controllers that are not Kubernetes' own: no schema of them is to be had here.
FOREIGN = {"ServiceMonitor", "PrometheusRule"}
# What an operator brings; docs/kubernetes.md says how.
SECRETS = {
    "mmhie-engine": {"api-key"},
    "mmhie-engine-tls": {"tls-combined.pem"},
    "mmhie-gateway": {"digest-key", "audit-key", "metrics-key"},
    "mmhie-hub": {"token"},
    "mmhie-keys": set(),
}

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("overlay", OVERLAYS)]


@pytest.mark.gate
def test_every_object_fits_its_schema(overlay: str, tmp_path: Path) -> None:
    """Strictly: a misspelt field is an error, too."""
    file = tmp_path / "all.yaml"
    file.write_text(text(overlay))
    program = Path(sys.executable).with_name("kubernetes-validate")
    done = subprocess.run([program, "--strict", file], capture_output=True, text=True)
    lines = done.stdout.splitlines() + done.stderr.splitlines()
    unknown = {line.split("kind ")[1].split()[0] for line in lines if "find schema" in line}

    assert done.returncode == 0, done.stdout + done.stderr
    assert unknown <= FOREIGN


def test_an_engines_start_and_restart_are_left_to_its_launcher(overlay: str) -> None:
    """Both probes ask the status file's age: no number here contradicts the launcher's limit for a
    start, and /health of an engine that restarts would get it killed."""
    for pod in pods(overlay):
        for container in pod.containers:
            if container.get("args") != ["engine"]:
                continue
            *_, option, file = command = container["livenessProbe"]["exec"]["command"]
            name = container["envFrom"][0]["configMapRef"]["name"]
            settings = one(overlay, "ConfigMap", name)["data"]
            assert (option, file) == ("--supervised", settings["MMHIE_PHASE_FILE"]), pod.owner
            assert container["startupProbe"]["exec"]["command"] == command
            assert container["readinessProbe"]["httpGet"]["path"] == "/health"


def test_every_pod_is_behind_a_policy(overlay: str) -> None:
    """A policy limits every pod in both directions."""
    policies = objects(overlay, "NetworkPolicy")
    for pod in pods(overlay):
        component = pod.labels["app.kubernetes.io/component"]
        ours = [p for p in policies if matches(p["spec"]["podSelector"]["matchLabels"], pod.labels)]
        assert len(ours) == 1, component
        assert set(ours[0]["spec"]["policyTypes"]) == {"Ingress", "Egress"}


def matches(wanted: Object, labels: dict[str, str]) -> bool:
    return wanted.items() <= labels.items()


def test_every_selector_finds_its_pods(overlay: str) -> None:
    """Services, budgets and the monitor."""
    labels = [pod.labels for pod in pods(overlay)]
    for service in objects(overlay, "Service"):
        assert any(matches(service["spec"]["selector"], label) for label in labels), service
    for budget in objects(overlay, "PodDisruptionBudget"):
        wanted = budget["spec"]["selector"]["matchLabels"]
        assert any(matches(wanted, label) for label in labels), budget


def test_what_is_named_is_there(overlay: str) -> None:
    """Settings, volumes, accounts and secrets' keys; a generated name has the same hash."""
    names: dict[str, set[str]] = defaultdict(set)
    for thing in objects(overlay):
        names[thing["kind"]].add(thing["metadata"]["name"])
    for kind, name, optional in references(overlay):
        assert optional or name in names[kind], (kind, name)
    for secret, key in secrets(overlay):
        assert key is None or key in SECRETS[secret], (secret, key)


def references(overlay: str) -> list[tuple[str, str, bool]]:
    """Kind, name and whether it may be missing."""
    named = []
    for pod in pods(overlay):
        named.append(("ServiceAccount", pod.spec["serviceAccountName"], False))
        for source in (named for run in pod.containers for named in run.get("envFrom", ())):
            named.append(("ConfigMap", source["configMapRef"]["name"], False))
        for volume in pod.spec["volumes"]:
            if config := volume.get("configMap"):
                named.append(("ConfigMap", config["name"], config.get("optional", False)))
            if claim := volume.get("persistentVolumeClaim"):
                named.append(("PersistentVolumeClaim", claim["claimName"], False))
    return named


def secrets(overlay: str) -> list[tuple[str, str | None]]:
    """Name and key of every secret that a pod reads."""
    pairs: list[tuple[str, str | None]] = []
    for pod in pods(overlay):
        for variable in pod.container.get("env", ()):
            if wanted := variable.get("valueFrom", {}).get("secretKeyRef"):
                pairs.append((wanted["name"], wanted["key"]))
        for volume in pod.spec["volumes"]:
            if wanted := volume.get("secret"):
                pairs.append((wanted["secretName"], None))
    return pairs


def test_every_setting_is_known(overlay: str) -> None:
    """A misspelt one would keep the program from starting."""
    for settings in objects(overlay, "ConfigMap"):
        ours = {name for name in settings["data"] if name.startswith("MMHIE_")}
        assert ours <= known_names(), settings["metadata"]["name"]
    for pod in pods(overlay):
        named = {variable["name"] for variable in pod.container.get("env", ())}
        assert {name for name in named if name.startswith("MMHIE_")} <= known_names()


def test_the_gateways_settings_are_accepted(overlay: str, tmp_path: Path) -> None:
    """With its secrets; the model that is published beside them is understood. A lost engine costs
    the pod its readiness and not its life."""
    gateway = next(pod.container for pod in pods(overlay) if pod.container["name"] == "gateway")
    own = {each["name"]: each["value"] for each in gateway["env"] if "value" in each}
    secrets = {"MMHIE_AUDIT_KEY": "k" * 32, "MMHIE_DIGEST_KEY": "d" * 32}
    given = one(overlay, "ConfigMap", "gateway-settings")["data"]
    file = tmp_path / "model.json"
    file.write_text(one(overlay, "ConfigMap", "gateway-model")["data"]["model.json"])
    status = read_status_file(file)

    assert load(given | own | secrets, None).env == "production"
    assert status is not None
    assert status.model_facts["id"] == "dousery/medical-reasoning-gpt-oss-20b"
    assert gateway["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert gateway["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_no_engine_sees_half_a_model(overlay: str) -> None:
    """It waits, outside of its probes, for the job that fetches the model both are set to."""
    for pod in pods(overlay):
        component = pod.labels["app.kubernetes.io/component"]
        if component == "engine":
            (weights,) = pod.spec["initContainers"]
            assert weights["args"] == ["fetch", "--wait"], pod.owner
            assert weights["envFrom"] == pod.container["envFrom"], pod.owner
        if component == "fetch":
            engine = next(other for other in pods(overlay) if "initContainers" in other.spec)
            assert pod.container["args"] == ["fetch"]
            assert pod.container["envFrom"] == engine.container["envFrom"]
            assert {"name": "HF_HUB_OFFLINE", "value": "0"} in pod.container["env"]


def test_there_is_time_to_stop(overlay: str) -> None:
    """The pause, the drain and five seconds fit into the grace period."""
    settings = one(overlay, "ConfigMap", "gateway-settings")["data"]
    for pod in pods(overlay):
        hooks = pod.container.get("lifecycle")
        if not hooks:
            continue
        pause = hooks["preStop"]["sleep"]["seconds"]
        work = {"gateway": float(settings["MMHIE_DRAIN_SECONDS"]), "engine": 30.0}
        needed = pause + work[pod.labels["app.kubernetes.io/component"]] + 5
        assert pod.spec["terminationGracePeriodSeconds"] >= needed, pod.owner
