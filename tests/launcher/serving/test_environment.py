"""The user's environment, as the children see it."""

from __future__ import annotations

import pytest

from launcher.planning.engine_command import SWITCHES
from launcher.serving.environment import for_engine, for_router

ENCODINGS = "TIKTOKEN_ENCODINGS_BASE"
USER = {
    "PATH": "/usr/bin",
    "HF_TOKEN": "hf",
    "MMHIE_API_KEYS": '["secret"]',
    "VLLM_NO_USAGE_STATS": "0",
    "VLLM_API_KEY": "the user's",
}


def test_the_engine_sends_no_statistics_whatever_is_set() -> None:
    """The user's and the plan's values lose."""
    env = for_engine(USER, {"DO_NOT_TRACK": "0"}, "key")

    assert env["VLLM_NO_USAGE_STATS"] == "1"
    assert env["DO_NOT_TRACK"] == "1"


def test_the_engine_gets_the_plans_variables_and_the_key() -> None:
    """The plan's win over the user's; the key is the launcher's. Set but blank, the folder of the
    vocabularies breaks Harmony's."""
    own = {"HF_HUB_OFFLINE": "0", "VLLM_SYSTEM_START_DATE": "2026-01-31", ENCODINGS: ""}
    env = for_engine({**USER, **own}, {"HF_HUB_OFFLINE": "1"}, "key")

    assert env["HF_HUB_OFFLINE"] == "1"
    assert env["VLLM_API_KEY"] == "key"
    assert env["HF_TOKEN"] == "hf"
    assert env["VLLM_SYSTEM_START_DATE"] == "2026-01-31"
    assert ENCODINGS not in env
    assert for_engine({**USER, ENCODINGS: "/vocabulary"}, {}, "key")[ENCODINGS] == "/vocabulary"


def test_the_users_switch_of_a_compiler_wins() -> None:
    """The plan's value is a guess that the user may replace; a blank one is no value."""
    plan = dict.fromkeys(SWITCHES, "0")
    sampler, deep_gemm = SWITCHES
    env = for_engine({**USER, sampler: "1", deep_gemm: ""}, plan, "key")

    assert (env[sampler], env[deep_gemm]) == ("1", "0")


def test_engine_and_router_see_none_of_our_settings() -> None:
    """Client keys are among them; the router gets the engines' key under vLLM's name."""
    for environ in (for_engine(USER, {}, "key"), for_router(USER, "key")):
        assert not [name for name in environ if name.startswith("MMHIE_")]
        assert environ["PATH"].endswith("/usr/bin")


@pytest.mark.parametrize("level", ["debug", "WARNING"])
def test_the_engine_is_not_told_to_log_what_is_said(level: str) -> None:
    """At DEBUG, or by a switch or a logging configuration of one's own, vLLM writes prompts and
    answers into its log."""
    talkative = {
        "VLLM_LOGGING_LEVEL": level,
        "VLLM_DEBUG_LOG_API_SERVER_RESPONSE": "true",
        "VLLM_LOGGING_CONFIG_PATH": "/debug.json",
        "VLLM_SERVER_DEV_MODE": "1",
    }
    env = for_engine({**USER, **talkative}, {}, "key")

    assert env["VLLM_LOGGING_LEVEL"] == ("INFO" if level.upper() == "DEBUG" else level)
    assert not env.keys() & (talkative.keys() - {"VLLM_LOGGING_LEVEL"})
