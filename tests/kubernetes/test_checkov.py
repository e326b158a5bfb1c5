"""Every pod is hardened: checkov finds no weak settings but those that are accepted here."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.compatibility.environment import python_with
from tests.kubernetes.rendered import OVERLAYS, text

LOCK = Path(__file__).with_name("checkov.txt")
# A limit on processor time slows every token once it is reached; whoever builds the images names
# them by tag or digest; settings are environment variables.
ACCEPTED = {
    "CKV_K8S_11",  # CPU limits
    "CKV_K8S_14",  # image tag
    "CKV_K8S_15",  # pull policy, of a tag that stands for "the one you built"
    "CKV_K8S_35",  # secrets as files
    "CKV_K8S_43",  # image digest
}
LEAST = 100


@pytest.mark.slow
def test_checkov_finds_nothing_else(tmp_path: Path) -> None:
    """Every overlay, every rule of its Kubernetes set; nothing is fetched."""
    program = (python_with(LOCK), "-m", "checkov.main")
    for overlay in OVERLAYS:
        (tmp_path / f"{overlay}.yaml").write_text(text(overlay))
    options = ("--framework", "kubernetes", "--output", "json", "--skip-download", "--quiet")
    done = subprocess.run([*program, "-d", tmp_path, *options], capture_output=True, text=True)
    report = json.loads(done.stdout)
    failed = {check["check_id"] for check in report["results"]["failed_checks"]}

    assert failed <= ACCEPTED
    assert report["summary"]["passed"] > LEAST
