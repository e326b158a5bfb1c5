"""The variables of a backend."""

import dataclasses

import pytest
from mmhie import ConfigError, LLMConfig

TEST_OVERRIDE = "MMHIE_REASONER_MODEL_TEST_OVERRIDE"
NOWHERE = "http://127.0.0.1:9"


def test_defaults_are_those_of_the_original_readme() -> None:
    """An empty environment gives the documented values."""
    assert dataclasses.astuple(LLMConfig.from_env({})) == (
        "dousery/medical-reasoning-gpt-oss-20b", "auto", "auto", 512, False, "none", 30, 4096,
        "http://127.0.0.1:8000", None, "remote", 900,
    )  # fmt: skip


def test_every_variable_is_read() -> None:
    """Each name reaches its field."""
    environ = {
        "MMHIE_REASONER_MODEL": "some/model",
        "MMHIE_DEVICE": "CPU",
        "MMHIE_DEVICE_MAP": "balanced",
        "MMHIE_MAX_TOKENS": "64",
        "MMHIE_STREAMING": "on",
        "MMHIE_QUANTIZE": "gptq",
        "MMHIE_TIMEOUT_SECONDS": "2.5",
        "MMHIE_MAX_INPUT_LENGTH": "128",
        "MMHIE_URL": "unix:/run/mmhie.sock",
        "MMHIE_API_KEY": "k",
        "MMHIE_BACKEND": "local",
        "MMHIE_START_TIMEOUT_SECONDS": "60",
    }

    assert dataclasses.astuple(LLMConfig.from_env(environ)) == (
        "some/model", "cpu", "balanced", 64, True, "gptq", 2.5, 128,
        "unix:/run/mmhie.sock", "k", "local", 60.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("environ", "field", "value"),
    [
        ({"MMHIE_STREAMING": "YES"}, "streaming", True),
        ({"MMHIE_STREAMING": "0"}, "streaming", False),
        ({"MMHIE_DEVICE_MAP": "null"}, "device_map", None),
        ({"MMHIE_MAX_TOKENS": " "}, "max_tokens", 512),
        ({"MMHIE_REASONER_MODEL": "a", TEST_OVERRIDE: "b"}, "model_name", "b"),
    ],
)
def test_values_are_read_as_before(environ: dict[str, str], field: str, value: object) -> None:
    """Booleans in any case, `null` for None, blank for unset, and the tests' own model first."""
    assert getattr(LLMConfig.from_env(environ), field) == value


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("MMHIE_MAX_TOKENS", "many"),
        ("MMHIE_TIMEOUT_SECONDS", "nan"),
        ("MMHIE_BACKEND", "cloud"),
        ("MMHIE_URL", "127.0.0.1:8000"),
        ("MMHIE_URL", "http://[::1"),
        ("MMHIE_URL", "http://host/?tenant=1"),
    ],
)
def test_a_bad_value_names_its_variable(variable: str, text: str) -> None:
    """The sentence says which, what it got and what is allowed; it is a ValueError too."""
    with pytest.raises(ConfigError, match=f"{variable} is .* it must be ") as caught:
        LLMConfig.from_env({variable: text})

    assert isinstance(caught.value, ValueError)


def test_it_is_frozen_and_does_not_show_the_key() -> None:
    """A configuration never changes under a client, and a log line gives no key away."""
    config = LLMConfig(api_key="hunter2")

    assert "hunter2" not in repr(config)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.max_tokens = 1  # type: ignore[misc] # the point of the test


@pytest.mark.parametrize("key", ["hunter2\n", "hünter2"])
def test_what_no_header_can_hold_is_no_key(key: str) -> None:
    """Said before the first request, which would look like a lost connection; and not shown."""
    with pytest.raises(ConfigError, match="MMHIE_API_KEY is no key") as caught:
        LLMConfig(api_key=key)

    assert "2" not in str(caught.value)
