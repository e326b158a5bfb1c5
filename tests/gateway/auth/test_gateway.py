"""A gateway with keys, as its callers meet it."""

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.auth import keys
from gateway.principal import PrincipalLimits
from tests.contract.fixtures import Folders
from tests.contract.process import Gateway
from tests.contract.surfaces import STREAMS, SURFACES, WHOLES, Surface, error_of, name_of
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import Signer, add_key, bearer, jwks_settings
from tests.waiting import until

GENERATE, CHAT = SURFACES[0], SURFACES[3]
ENDLESS = ({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.02})


class Guarded:
    """A gateway with one key of each sort and a token provider."""

    def __init__(self, folder: Path, engine: FakeEngine, signer: Signer) -> None:
        self.file = folder / "keys.json"
        self.generate = add_key(self.file, "generate-only", "generate")
        self.openai = add_key(self.file, "openai-only", "openai")
        self.both = add_key(self.file, "both", "generate", "openai")
        self.patterns = add_key(self.file, "patterns", "openai", "patterns")
        self.metrics = add_key(self.file, "scraper", "metrics")
        self.gateway = Gateway(
            folder,
            engine.url,
            MMHIE_KEYS_FILE=str(self.file),
            MMHIE_ENV="production",
            MMHIE_WITHOUT_AUDIT="true",
            **jwks_settings(folder, signer),
        ).wait()
        self.client = self.gateway.client

    def stream(self, surface: Surface, secret: str) -> AbstractContextManager[httpx2.Response]:
        """The same, read as it comes."""
        headers = {**surface.headers, **bearer(secret)}
        return self.client.stream("POST", surface.path, json=surface.body(), headers=headers)

    def ask(self, surface: Surface, secret: str | None, **more: Any) -> httpx2.Response:
        """One request with a key."""
        headers = {**surface.headers, **(bearer(secret) if secret else {})}
        return self.client.post(surface.path, json=surface.body(**more), headers=headers)


@pytest.fixture(scope="module")
def guarded(
    tmp_path_factory: Folders, the_engine: FakeEngine, rsa_signer: Signer
) -> Iterator[Guarded]:
    made = Guarded(tmp_path_factory.mktemp("guarded"), the_engine, rsa_signer)
    yield made
    made.gateway.stop()


def check_401(answer: httpx2.Response) -> None:
    error = error_of(answer)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert (error["code"], error["type"]) == ("unauthorized", "authentication_error")
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_no_surface_answers_without_a_key(
    guarded: Guarded, engine: FakeEngine, surface: Surface
) -> None:
    """401 with the challenge, and the engine hears nothing of it."""
    check_401(guarded.ask(surface, None))
    check_401(guarded.ask(surface, keys.new_secret()))
    check_401(guarded.ask(surface, "a.b.c"))

    assert engine.stats["generations"] == 0


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_each_surface_has_its_scope(guarded: Guarded, engine: FakeEngine, surface: Surface) -> None:
    """403 names the one that is missing."""
    right, wrong, scope = (
        (guarded.generate, guarded.openai, "generate")
        if surface.path == GENERATE.path
        else (guarded.openai, guarded.generate, "openai")
    )
    assert guarded.ask(surface, right).status_code == 200
    refused = guarded.ask(surface, wrong)

    assert refused.status_code == 403
    assert error_of(refused)["code"] == "forbidden"
    assert f"`{scope}`" in error_of(refused)["message"]
    assert engine.stats["generations"] == 1


def test_credentials_stay_here(guarded: Guarded, engine: FakeEngine) -> None:
    """The engine sees neither key nor token, and the log holds none."""
    sent = {**bearer(guarded.both), "x-api-key": guarded.both, "cookie": "a=b"}
    guarded.client.post(CHAT.path, json=CHAT.body(), headers=sent)
    (seen,) = engine.seen(CHAT.path)

    assert guarded.both not in json.dumps(seen)
    assert "x-api-key" not in str(seen["headers"]).lower()
    until(lambda: guarded.both not in guarded.gateway.log)


def test_tokens(guarded: Guarded, rsa_signer: Signer) -> None:
    """Their scopes act like a key's; a stranger's signature does not."""
    good = rsa_signer.sign(scope="generate")

    assert guarded.ask(GENERATE, good).status_code == 200
    assert guarded.ask(CHAT, good).status_code == 403
    check_401(guarded.ask(GENERATE, Signer.rsa(rsa_signer.kid).sign()))
    check_401(guarded.ask(GENERATE, rsa_signer.sign(exp=int(time.time()) - 100)))


def test_health_is_open_and_says_little(guarded: Guarded) -> None:
    """In production a stranger learns the phase; a key shows the rest."""
    for path in ("/healthz", "/readyz"):
        little = guarded.client.get(path)
        assert little.status_code == 200
        assert little.json() == {"status": "ok", "phase": "ready"}
        assert guarded.client.get(path, headers=bearer("wrong")).json() == little.json()
        much = guarded.client.get(path, headers=bearer(guarded.metrics)).json()
        assert much["model"] == "fake-model"
        assert not any("No keys" in warning for warning in much["warnings"])


def test_metrics_in_production(guarded: Guarded) -> None:
    """Metrics and load need the scope."""
    for path in ("/metrics", "/v1/mmhie/load"):
        check_401(guarded.client.get(path))
        assert guarded.client.get(path, headers=bearer(guarded.both)).status_code == 403
        assert guarded.client.get(path, headers=bearer(guarded.metrics)).status_code == 200


def test_salt(guarded: Guarded, engine: FakeEngine, rsa_signer: Signer) -> None:
    """Each client has its own, on every surface, whatever it asks for; and always the same."""
    salts: dict[str, set[str]] = {}
    for surface in SURFACES:
        for name, secret in (("both", guarded.both), ("jwt", rsa_signer.sign())):
            own = {} if surface.path == GENERATE.path else {"cache_salt": "of another"}
            for more in ({}, own):
                engine.reset()
                assert guarded.ask(surface, secret, **more).status_code == 200
                asked = [request["body"] for request in engine.seen() if request["body"]]
                salts.setdefault(name, set()).add(json.loads(asked[-1])["cache_salt"])

    assert len(salts["both"]) == len(salts["jwt"]) == 1
    assert salts["both"] != salts["jwt"]
    assert "both" not in str(salts)[10:]


def test_a_revoked_key_ends_its_streams(guarded: Guarded, engine: FakeEngine) -> None:
    """On every surface the last words say why; the streams of another key go on."""
    leaked = add_key(guarded.file, "leaked", "generate", "openai")
    until(lambda: guarded.ask(WHOLES[0], leaked).status_code == 200)
    engine.reset()
    for _ in range(2 * len(STREAMS)):
        engine.next(*ENDLESS)
    with ExitStack() as stack:
        ended, others = (
            {surface.name: stack.enter_context(guarded.stream(surface, key)) for surface in STREAMS}
            for key in (leaked, guarded.both)
        )
        parts = {name: answer.iter_bytes() for name, answer in others.items()}
        for name in parts:
            next(parts[name])
        revoke(guarded.file, "leaked")
        said = {name: b"".join(answer.iter_bytes()) for name, answer in ended.items()}
        engine.until(lambda stats: stats["running"] == len(STREAMS))

        for name in parts:
            assert b"was revoked or has expired" in said[name], name
            assert next(parts[name]), name


def test_a_key_revoked_while_the_body_comes(guarded: Guarded, engine: FakeEngine) -> None:
    """The engine is not asked, however short its answer would be."""
    leaked = add_key(guarded.file, "slow", "openai")
    until(lambda: guarded.ask(CHAT, leaked).status_code == 200)

    def body() -> Iterator[bytes]:
        whole = json.dumps(CHAT.body()).encode()
        yield whole[:5]
        revoke(guarded.file, "slow")
        until(lambda: guarded.ask(CHAT, leaked).status_code == 401)
        engine.reset()
        yield whole[5:]

    headers = {"content-type": "application/json", **bearer(leaked)}
    with httpx2.Client(base_url=guarded.gateway.url, trust_env=False) as client:
        check_401(client.post(CHAT.path, content=body(), headers=headers))
    assert engine.stats["generations"] == 0


def test_a_key_that_expires_ends_what_runs(guarded: Guarded, engine: FakeEngine) -> None:
    """An answer that has not begun is a 401; a token's own expiry ends none."""
    short = add_key(guarded.file, "short", "generate", "openai", expires=time.time() + 2)
    until(lambda: guarded.ask(WHOLES[0], short).status_code == 200)
    engine.reset()
    engine.next(fault="gated")

    check_401(guarded.ask(CHAT, short))
    assert engine.stats["generations"] == 1


def test_limits(guarded: Guarded, engine: FakeEngine) -> None:
    """429 with the seconds to wait: for requests, and for requests open at once."""
    few = add_key(guarded.file, "few", "generate", limits=PrincipalLimits(requests_per_minute=1))
    lone = add_key(guarded.file, "lone", "generate", limits=PrincipalLimits(concurrency=1))
    until(lambda: guarded.ask(GENERATE, lone).status_code == 200)

    assert guarded.ask(GENERATE, few).status_code == 200
    refused = guarded.ask(GENERATE, few)
    assert (refused.status_code, error_of(refused)["code"]) == (429, "too_busy")
    assert 50 <= int(refused.headers["retry-after"]) <= 60

    engine.reset()
    engine.next(fault="gated")
    with guarded.stream(STREAMS[0], lone) as slow:
        refused = guarded.ask(GENERATE, lone)
        engine.release(100)
        slow.read()
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert guarded.ask(GENERATE, lone).status_code == 200


def revoke(file: Path, name: str) -> None:
    """Write what `mmhie keys revoke` writes."""
    now = time.time()
    keys.write(file, [replace(k, revoked=now) if k.name == name else k for k in keys.read(file)])


@pytest.mark.parametrize("surface", WHOLES[1:], ids=name_of)
def test_a_pattern_that_stands_alone_needs_its_scope(
    guarded: Guarded, engine: FakeEngine, surface: Surface, rsa_signer: Signer
) -> None:
    """On every path of /v1, for keys and tokens alike; the engine hears nothing of it."""
    pattern = {"structured_outputs": {"regex": "[0-9]+"}}
    tokens = [rsa_signer.sign(scope=scope) for scope in ("openai", "openai patterns")]

    for secret in (guarded.openai, tokens[0]):
        error = error_of(guarded.ask(surface, secret, **pattern))
        assert "scope `patterns`" in error["message"]
    for secret in (guarded.patterns, tokens[1]):
        assert guarded.ask(surface, secret, **pattern).status_code == 200
