"""Isolation of a host: a way out, a plain hop, an open port, telemetry; each is really there."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from assurance.acceptance.check import Finding
from assurance.acceptance.checks import egress, encryption, listeners, root, telemetry
from assurance.acceptance.host import WORLD, Host, HostFacts, is_address
from gateway.settings.gateway import load
from launcher.errors import LauncherError
from tests.assurance.acceptance.targets import OPERATOR
from tests.contract.process import free_port
from tests.gateway.engine.forwarder import Forwarder
from tests.gateway.engine.test_tls import context_of
from tests.gateway.server.certificates import Authority

AIR_GAP = {"VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}
TABLE = """\
  sl  local_address                         remote_address                        st tx_queue
   0: 00000000:1F40 00000000:0000 0A 00000000:00000000 00:00000000
   1: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000
   2: 0B00007F:8F3A 00000000:0000 0A 00000000:00000000 00:00000000
   3: 0500A8C0:1F41 0600A8C0:C0DE 01 00000000:00000000 00:00000000
"""
TABLE_6 = """\
  sl  local_address                         remote_address                        st tx_queue
   0: 00000000000000000000000001000000:1F42 00000000000000000000000000000000:0000 0A 00000000
   1: 0000000000000000FFFF00000100007F:1F43 00000000000000000000000000000000:0000 0A 00000000
"""


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host whose processes and tables are in a folder, and nothing is tried."""
    (tmp_path / "net").mkdir()
    facts = HostFacts("gateway-1", "uid 10001", (), (8000,))
    return Host(facts, load({}, None), proc=tmp_path)


@pytest.fixture
def listener() -> Iterator[int]:
    """The port of a listener that every address of this machine has."""
    with socket.create_server(("0.0.0.0", 0)) as server:  # it is what is looked for
        yield server.getsockname()[1]


async def attempt(host: Host, *addresses: str) -> Finding:
    """Try these."""
    facts = replace(host.facts, tried=addresses)
    return (await egress.CHECK.run(replace(host, facts=facts)))[0]


async def test_a_way_out_fails(host: Host, listener: int) -> None:
    """A host that can be reached is named; those that cannot are in the report, too."""
    closed = f"127.0.0.1:{free_port()}"
    finding = await attempt(host, closed, f"127.0.0.1:{listener}", "no-such-name.invalid:443")

    assert finding.outcome == "failed"
    assert finding.sentence == f"There is a way out to 127.0.0.1:{listener}."
    assert f"{closed}: connection refused" in finding.measured
    assert "no-such-name.invalid:443: no such name" in finding.measured


async def test_no_way_out_passes(host: Host) -> None:
    """Nothing answers at any of them."""
    assert (await attempt(host, f"127.0.0.1:{free_port()}")).outcome == "passed"


def test_a_proxy_is_a_way_out(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried, without its password; the port that is meant to be open is the gateway's."""
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy.example:3128")
    monkeypatch.setenv("http_proxy", "[fd00::1]")
    facts = Host.here(host.settings, ["archive.example:443"], []).facts

    assert facts.tried[: len(WORLD)] == WORLD
    assert set(facts.tried[len(WORLD) :]) == {
        *("proxy.example:3128", "[fd00::1]:80", "archive.example:443")
    }
    assert facts.ports == (8000,)


@pytest.mark.parametrize("url", ["http://a:secret", "http://u:secret#@a:80", "http://[secret"])
def test_a_proxy_that_is_none_is_refused(
    host: Host, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """By its name, since a part of it may be a password."""
    monkeypatch.setenv("HTTPS_PROXY", url)

    with pytest.raises(LauncherError, match="https_proxy of this environment") as refusal:
        Host.here(host.settings, [], [])
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        *(("example.org:443", True), ("[::1]:80", True), ("example.org", False), (":80", False)),
        *(("http://a:80", False), ("a:80/b", False), ("a:99999", False), ("a:b", False)),
        *(("a..b:443", False), (f"{'a' * 70}.org:443", False), ("[a:443", False)),
    ],
)
def test_an_address_is_host_and_port(text: str, is_right: bool) -> None:
    """Anything else is refused before something is tried."""
    assert is_address(text) is is_right


async def hop(host: Host, **settings: str) -> Finding:
    """Look at the way to the engine."""
    environ = {f"MMHIE_ENGINE_{name}": value for name, value in settings.items()}
    return (await encryption.CHECK.run(replace(host, settings=load(environ, None))))[0]


async def test_a_plain_hop_fails(host: Host) -> None:
    """One address of several is enough, allowed or not; on this host there is no hop."""
    plain = await hop(host, METRICS_URLS="http://engine:8001", ALLOW_HTTP="true")
    inside = [await hop(host), await hop(host, URL="unix:/run/engine.sock")]

    assert plain.outcome == "failed"
    assert "unencrypted to http://engine:8001" in plain.sentence
    assert {finding.outcome for finding in inside} == {"not applicable"}
    assert "MMHIE_ENGINE_URL" in inside[0].sentence


async def test_a_hop_is_encrypted_by_whom_we_trust(host: Host, tmp_path: Path) -> None:
    """A handshake with our authority's certificate passes; another's fails, and so does a port
    where nobody speaks TLS."""
    ours, others = Authority(tmp_path, "ours"), Authority(tmp_path, "others")
    with Forwarder("http://127.0.0.1:9", context_of(ours.issue("engine"))) as engine:
        url = f"https://localhost:{engine.port}"
        good = await hop(host, URL=url, TLS_CA=str(ours.path))
        foreign = await hop(host, URL=url, TLS_CA=str(others.path))
    gone = await hop(host, URL=f"https://127.0.0.1:{free_port()}")
    nameless = await hop(host, URL="https://a..b:443")

    assert good.outcome == "passed", good
    assert f"{url}: TLSv1." in good.measured
    assert "not from a CA that is trusted" in foreign.sentence
    assert "cannot be reached" in gone.sentence
    assert "https://a..b:443 cannot be reached" in nameless.sentence
    assert (foreign.outcome, gone.outcome) == ("failed", "failed")


async def test_a_writable_root_fails(host: Host, tmp_path: Path) -> None:
    """By how it is mounted; other mounts that can be written to are named."""
    (tmp_path / "self").mkdir()
    (tmp_path / "self/mounts").write_text(f"a / b c\na {tmp_path} b c\na /proc b c\n")
    finding, measured = await root.CHECK.run(replace(host, root=tmp_path))
    assert measured

    assert finding.outcome == "failed"
    assert finding.measured == f"writable; this user can write to {tmp_path}"
    assert root.CHECK.recorded(measured | {"is_read_only": True}).outcome == "passed"


async def test_an_open_port_fails(host: Host, listener: int) -> None:
    """A listener of this machine is found in the kernel's own table, and named."""
    finding, _ = await listeners.CHECK.run(replace(host, proc=Path("/proc")))

    assert finding.outcome == "failed"
    assert f"0.0.0.0:{listener}" in finding.sentence


async def test_ports_of_a_host(host: Host) -> None:
    """The intended port alone passes, with what listens on loopback counted; another port fails,
    and so does a host where the service is not running."""
    (host.proc / "net/tcp").write_text(TABLE)
    (host.proc / "net/tcp6").write_text(TABLE_6)
    good, _ = await listeners.CHECK.run(host)
    other, _ = await listeners.CHECK.run(replace(host, facts=replace(host.facts, ports=(8001,))))
    (host.proc / "net/tcp").unlink()
    idle, _ = await listeners.CHECK.run(host)

    assert (good.outcome, good.measured) == ("passed", "0.0.0.0:8000; 4 on loopback")
    assert (other.outcome, other.sentence) == ("failed", "Other hosts can connect to 0.0.0.0:8000.")
    assert idle.outcome == "failed"
    assert "beside the service" in idle.sentence


async def engine(host: Host, environ: dict[str, str], name: str = "vllm.entrypoints") -> Finding:
    """Look at a process with this environment and word on its command line."""
    command = [sys.executable, "-c", "input(1)", name]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environ, **pipes) as child:  # type: ignore[call-overload]
        assert child.stdout.read(1) == b"1"  # it runs, and the kernel shows its command line
        link = host.proc / str(child.pid)
        link.symlink_to(f"/proc/{child.pid}")
        finding, _ = await telemetry.CHECK.run(host)
        link.unlink()
        child.communicate(b"\n")
    return finding


@pytest.mark.parametrize(
    ("away", "sentence"),
    [("VLLM_NO_USAGE_STATS", "usage statistics"), ("HF_HUB_OFFLINE", "ask the model hub")],
)
async def test_an_engine_that_reports_fails(host: Host, away: str, sentence: str) -> None:
    """By the environment that its process was started with."""
    good = await engine(host, AIR_GAP)
    bad = await engine(host, {name: "1" for name in AIR_GAP if name != away})

    assert good.outcome == "passed", good
    assert bad.outcome == "failed"
    assert sentence in bad.sentence


async def test_telemetry_is_of_engines(host: Host) -> None:
    """Without one the check does not apply; one whose environment is hidden fails."""
    nobody = await engine(host, {}, "gateway")
    router = await engine(host, {}, "vllm_router.launch_router")
    hidden = await engine(host, {})

    assert (nobody.outcome, router.outcome) == ("not applicable", "not applicable")
    assert hidden.outcome == "failed"
    assert "engine's user" in hidden.sentence


def test_the_command_names_what_it_tried(tmp_path: Path, listener: int) -> None:
    """Exit code 1, every check in the signed report and on its page, which can be verified."""
    environ = OPERATOR | {"MMHIE_AUDIT_KEY": "k" * 32, "MMHIE_PORT": str(listener)}

    def mmhie(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "launcher", "accept", *words]
        return subprocess.run(argv, env=environ, cwd=tmp_path, capture_output=True, text=True)

    done = mmhie("isolation", "--host", f"127.0.0.1:{listener}")
    page = (tmp_path / "isolation.html").read_text()

    assert done.returncode == 1, done.stderr
    for text in (done.stdout, page):
        assert f"127.0.0.1:{listener}: connected" in text
        assert all(address in text for address in WORLD)
    assert mmhie("verify", "isolation.html").returncode == 0
    wrong = mmhie("isolation", "--host", "everywhere")
    assert (wrong.returncode, wrong.stderr) == (
        2,
        "--host everywhere is no host:port, such as example.org:443.\n",
    )
