"""House rules that no linter knows."""

import importlib
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import pytest

import gateway.settings.gateway
import launcher.settings
from gateway.settings.gateway import GatewaySettings
from launcher.settings import LauncherSettings
from tests import words

ROOT = Path(__file__).parent.parent
PROGRAMS = ("assurance", "gateway", "launcher", "sdk")
BANNED_NAMES = ("utils", "helpers", "common", "misc", "manager")

# What is left of words that say nothing, by folder; a number here only shrinks.
LEFT: Final[Mapping[str, Mapping[str, int]]] = {
    "assurance": {words.FUNCTION: 3},
    "gateway": {words.FUNCTION: 13},
    "launcher": {words.RESULT: 10, words.FUNCTION: 7},
    "sdk": {words.FUNCTION: 2},
    "scripts": {words.FUNCTION: 6},
    "tests": {words.RESULT: 5, words.FUNCTION: 170},
}
# Class names that the gateway shares with the SDK or the launcher.
TWICE: Final = frozenset({"FeedbackReceipt", "RequestError", "ServiceError", "SettingsError"})

INSPECTS = ROOT / "assurance" / "evaluation" / "tasks.py"


def sources(program: str) -> list[Path]:
    return sorted((ROOT / program).rglob("*.py"))


def test_every_setting_is_described() -> None:
    """A field without a description would be a row without meaning."""
    for settings in (GatewaySettings, LauncherSettings):
        for name, field in settings.model_fields.items():
            assert field.description, name


def test_no_module_is_named_after_nothing() -> None:
    """`utils` is where a reader stops finding things."""
    for program in PROGRAMS:
        for path in sources(program):
            assert path.stem not in BANNED_NAMES, path


@pytest.mark.parametrize("program", ["assurance", "gateway", "launcher"])
def test_no_error_is_kept_to_be_raised_again(program: str) -> None:
    """Each raise adds the frames it passes to the error, and what they hold, for ever."""
    for path in sources(program):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if path.stem == "__main__" or path.name == "parent_death_guard.py":
            continue
        if path == INSPECTS:  # imports what is not in this environment
            continue
        for what, value in vars(importlib.import_module(name)).items():
            assert not any(isinstance(kept, BaseException) for kept in held(value)), (name, what)


@pytest.mark.parametrize("folder", words.FOLDERS)
def test_names_say_what_things_are(folder: str) -> None:
    """Loops, results, functions and docstrings of tests; `python -m tests.words` lists the rest."""
    more = words.counts(folder) - Counter(LEFT.get(folder, {}))

    assert not more, f"{dict(more)} more than the rest that only shrinks"


def test_a_class_name_is_unique() -> None:
    """One name, one thing, in all programs and scripts."""
    assert words.class_names().keys() <= TWICE


def held(value: object) -> Collection[object]:
    """The objects in a collection of a module, or the one object."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, tuple | list) else (value,)


def test_the_example_of_a_configuration_is_accepted() -> None:
    """Gateway and launcher take every setting of it, in production."""
    example = ROOT / "docs" / "start" / "production.env"
    secrets = {"MMHIE_AUDIT_KEY": "k" * 32, "MMHIE_DIGEST_KEY": "d" * 32}

    assert gateway.settings.gateway.load(secrets, example).env == "production"
    assert launcher.settings.load(secrets, example).reasoner_revision != "main"
