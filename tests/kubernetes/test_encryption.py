"""The way from gateway to engine is encrypted, by certificates made as docs/kubernetes.md says."""

import re
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.contract.fixtures import Start
from tests.contract.process import ROOT
from tests.contract.surfaces import CHAT_JSON
from tests.fake_engine.process import FakeEngine
from tests.gateway.engine.forwarder import Forwarder
from tests.kubernetes.rendered import OVERLAYS, objects, one, pods

PAGE = ROOT / "docs" / "kubernetes.md"


def test_the_documented_certificate_is_trusted(
    engine: FakeEngine, start: Start, tmp_path: Path
) -> None:
    """One file has what the engine shows, the other what the gateway believes."""
    made = re.findall(r"^\$ ((?:openssl|cat) (?:.*\\\n)*.*)$", PAGE.read_text(), re.MULTILINE)
    script = "\n".join(made).replace("DNS:engine", "DNS:localhost")
    subprocess.run(["sh", "-ec", script], cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls-combined.pem")
    with Forwarder(engine.url, context) as secure:
        url, ca = f"https://localhost:{secure.port}", str(tmp_path / "ca.crt")
        gateway = start(url, MMHIE_CA_FILE=ca).wait()

        assert CHAT_JSON.ask(gateway.client).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_text_crosses_the_network_in_plain(overlay: str) -> None:
    """Neither gateway nor Prometheus nor a probe asks an engine by http."""
    settings = one(overlay, "ConfigMap", "gateway-settings")["data"]
    monitor = one(overlay, "ServiceMonitor", "engine")["spec"]["endpoints"][0]

    assert settings["MMHIE_ENGINE_URL"].startswith("https://")
    assert "MMHIE_ENGINE_ALLOW_HTTP" not in settings
    assert monitor["scheme"] == "https"
    assert objects(overlay, "Deployment")
    for pod in pods(overlay):
        if pod.container.get("args") == ["engine"]:
            (file,) = [
                each["value"]
                for each in pod.container["env"]
                if each["name"] == "MMHIE_ENGINE_SERVER_CERTIFICATE"
            ]
            mounts = {each["mountPath"] for each in pod.container["volumeMounts"]}
            assert str(Path(file).parent) in mounts
            assert pod.container["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"
