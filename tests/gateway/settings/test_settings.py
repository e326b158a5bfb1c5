"""Settings of the gateway; a bad word stops it, with a sentence that helps."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.settings import gateway as settings
from gateway.settings.base import is_secret, sentence
from gateway.settings.gateway import PREFIX, GatewaySettings, SettingsError

PRODUCTION = {"MMHIE_ENV": "production", "MMHIE_KEYS_FILE": "keys.json"}


@pytest.fixture(autouse=True)
def nothing_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without .env, an environment without our names."""
    monkeypatch.chdir(tmp_path)
    for name in GatewaySettings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)


def refusal(**environ: str) -> str:
    """The sentence these variables are refused with."""
    with pytest.raises(SettingsError) as raised:
        settings.load(environ)
    told = str(raised.value)
    assert "\n" not in told
    assert told.endswith(".")
    return told


def test_nothing_need_be_set() -> None:
    """Without settings the documented defaults hold."""
    chosen = settings.load()
    assert (chosen.host, chosen.port, chosen.max_tokens) == ("127.0.0.1", 8000, 512)
    assert (chosen.timeout_seconds, chosen.max_input_length, chosen.streaming) == (30, 4096, False)
    assert chosen.reasoner_model == "dousery/medical-reasoning-gpt-oss-20b"


BAD_URLS = (
    *("ftp://engine", "http://engine:99999", "http://[::1", "http://engine/a/../b"),
    *("http://engine?x=1", "http://engine/a b", "http://engine//a", "unix:engine.sock"),
)


@pytest.mark.parametrize(
    ("name", "got", "allowed"),
    [
        ("PORT", "65536", "at most 65535"),
        ("PORT", "eighty", "a whole number"),
        ("ENV", "prod", "'development' or 'production'"),
        ("STREAMING", "perhaps", "true or false"),
        ("TIMEOUT_SECONDS", "0", "over 0"),
        ("TIMEOUT_SECONDS", "nan", "at most 86400"),
        ("QUEUE_TIMEOUT_SECONDS", "0", "over 0"),
        ("DISCLAIMER_LANGUAGE", "english", "it does not fit this description: "),
        *(("ENGINE_URL", url, "http[s]://host:port[/path] or unix:/path") for url in BAD_URLS),
        ("ENGINE_URL", "https://engine/openai/v1/", "must be without /v1"),
    ],
)
def test_a_bad_value(name: str, got: str, allowed: str) -> None:
    """One sentence: which variable, what it got, what is allowed."""
    told = refusal(**{PREFIX + name: got})
    assert told.startswith(f"{PREFIX}{name} is {got!r}: ")
    assert allowed in told


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("MMHIE_PROT", "MMHIE_PORT"),
        ("MMHIE_ENGIN_URI", "MMHIE_ENGINE_URL"),
        ("MMHIE_HF_TOKEN", " HF_TOKEN."),
        ("MMHIE_MODEL", "MMHIE_REASONER_MODEL"),
        ("MMHIE_TENSOR_PARALEL", "MMHIE_TENSOR_PARALLEL"),
    ],
)
def test_an_unknown_name(wrong: str, near: str) -> None:
    """The nearest known one is offered, the launcher's included, whose names are taken: one
    environment serves the whole product."""
    told = refusal(**{wrong: "1"})
    assert wrong in told
    assert near in told
    assert settings.load({"MMHIE_DEVICE": "cpu"})


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"OTHER=1\nMMHIE_PROT=1\n", "MMHIE_PORT"),  # names of others are not ours to judge
        (b"MMHIE_PORT=eighty\n", "MMHIE_PORT is 'eighty': "),
        (b"MMHIE_PORT=\xff\xfe\n", ".env"),
    ],
)
def test_the_file_is_as_strict(file: bytes, said: str) -> None:
    """Unknown names, bad values and what cannot be read are a sentence, not a traceback."""
    Path(".env").write_bytes(file)
    assert said in refusal()


def test_the_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each where the other is silent."""
    Path(".env").write_text("MMHIE_PORT=9000\nMMHIE_MAX_TOKENS=7\n")
    monkeypatch.setenv("MMHIE_PORT", "9001")
    chosen = settings.load()
    assert (chosen.port, chosen.max_tokens) == (9001, 7)


def test_blank_is_unset() -> None:
    """Compose files pass names without values."""
    blank = {PREFIX + name.upper(): "" for name in GatewaySettings.model_fields}
    assert settings.load(blank) == settings.load()


def test_passwords_are_not_shown() -> None:
    """Not in an address either, where they would not be used."""
    told = refusal(MMHIE_ENGINE_URL="http://user:s3cret@engine:1")
    assert "s3cret" not in told
    assert "engine:1" in told


def test_bytes_that_are_no_text() -> None:
    """A path or a key in another encoding is named, and not shown."""
    for name in ("MMHIE_AUDIT_FILE", "MMHIE_AUDIT_KEY"):
        assert refusal(**{name: "k" * 32 + "\udcff"}) == (
            f"{name} is no text in UTF-8; set it in that encoding."
        )


def test_secrets_are_not_shown() -> None:
    """Neither by the settings themselves nor by the sentence about a bad one."""
    fields = GatewaySettings.model_fields
    secrets = [name for name, field in fields.items() if is_secret(field.annotation)]
    assert {"engine_api_key", "redis_url"} <= set(secrets)
    schemes = {"redis_url": "redis://:{}@host"}
    environ = {"MMHIE_AUDIT_FILE": "audit.jsonl", "MMHIE_AUDIT_KEY": "k" * 32}
    for name in secrets:
        secret = "-".join(["s3cret", name] * 6)
        environ[PREFIX + name.upper()] = schemes.get(name, "{}").format(secret)
        chosen = settings.load(environ)
        assert "s3cret" not in f"{chosen!r}{chosen}{chosen.model_dump_json()}"
        error = ValidationError.from_exception_data(
            "x", [{"type": "missing", "loc": (name,), "input": "s3cret"}]
        )
        assert "s3cret" not in sentence(GatewaySettings, error)


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        ({}, "there is no audit trail"),
        ({"MMHIE_AUDIT_FILE": "audit.jsonl", "MMHIE_AUDIT_KEY": "k" * 32}, "MMHIE_DIGEST_KEY"),
        ({"MMHIE_WITHOUT_AUDIT": "false"}, "there is no audit trail"),
    ],
)
def test_production_needs_a_trail_and_digests_that_last(
    given: dict[str, str], lacking: str
) -> None:
    """Or the word that nobody needs to show later what was answered, which the sentence names."""
    told = refusal(**PRODUCTION, **given)

    assert lacking in told
    assert "MMHIE_WITHOUT_AUDIT=true" in told
    assert settings.load(PRODUCTION | given | {"MMHIE_WITHOUT_AUDIT": "true"}).without_audit
    names = ("MMHIE_AUDIT_FILE", "MMHIE_AUDIT_KEY", "MMHIE_DIGEST_KEY")
    assert settings.load(PRODUCTION | dict.fromkeys(names, "x" * 32), None).env == "production"


@pytest.mark.parametrize("name", ["MMHIE_AUDIT_KEY", "MMHIE_DIGEST_KEY"])
def test_a_key_that_can_be_guessed_is_refused(name: str) -> None:
    """Prompts could be tried against their digests; the sentence does not repeat the key."""
    told = refusal(**{name: "short-secret"})

    assert f"{name} is not valid: its length should be at least 32." in told
    assert "short-secret" not in told


@pytest.mark.parametrize(
    ("url", "more", "is_refused"),
    [
        ("redis://:s3cret@redis:6379", {}, True),
        ("redis://:s3cret@redis:6379", {"MMHIE_ENGINE_ALLOW_HTTP": "true"}, False),
        ("rediss://:s3cret@redis:6379", {}, False),
        ("redis://127.0.0.1", {}, False),
        ("unix:/run/redis.sock", {}, False),
    ],
)
def test_production_encrypts_redis(url: str, more: dict[str, str], is_refused: bool) -> None:
    """As it does an engine on another host; the sentence has no password."""
    given = {**PRODUCTION, **more, "MMHIE_WITHOUT_AUDIT": "true", "MMHIE_REDIS_URL": url}
    if not is_refused:
        assert settings.load(given)
        return
    told = refusal(**given)
    assert "rediss://" in told
    assert "s3cret" not in told


def test_production_refuses_the_test_override() -> None:
    """Production refuses the override that development accepts."""
    chosen = {"MMHIE_REASONER_MODEL_TEST_OVERRIDE": "tiny"}
    assert settings.load(chosen).reasoner_model_test_override == "tiny"
    told = refusal(**chosen, MMHIE_ENV="production")
    assert "MMHIE_REASONER_MODEL_TEST_OVERRIDE" in told
    assert "MMHIE_ENV" in told


@pytest.mark.parametrize(
    ("given", "generate", "v1"),
    [
        ({}, 30, 600),
        ({"MMHIE_TIMEOUT_SECONDS": "45"}, 45, 45),
    ],
)
def test_whole_answers_on_v1(given: dict[str, str], generate: float, v1: float) -> None:
    """Minutes, unless a timeout is set."""
    loaded = settings.load(given, None)
    assert loaded.whole_answer_s("/llm/generate") == generate
    assert loaded.whole_answer_s("/v1/chat/completions") == v1
