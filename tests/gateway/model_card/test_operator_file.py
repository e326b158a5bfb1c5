"""The operator's file: TOML or JSON, shown as it is, or refused."""

import re
from pathlib import Path

import pytest

from gateway.model_card.operator_file import LARGEST_FILE_BYTES, read
from gateway.runtime.files import FileUnusable

DEEP = 5_000


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("card.toml", 'owner = "Ärztin"\n[use]\nsince = 2026-11-20\nshares = [0.25]\n'),
        ("card.JSON", '{"owner": "Ärztin", "use": {"since": "2026-11-20", "shares": [0.25]}}'),
    ],
)
def test_what_is_read(tmp_path: Path, name: str, text: str) -> None:
    """The same content from both formats; JSON has no dates, so they become text."""
    (tmp_path / name).write_text(text)

    expected = {"owner": "Ärztin", "use": {"since": "2026-11-20", "shares": [0.25]}}
    assert read(tmp_path / name) == expected


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("card.toml", b"[owner\n", "not TOML"),
        ("card.toml", 'owner = "ä"'.encode("latin-1"), "not TOML"),
        ("card.toml", b"a = " + b"[" * DEEP, "not TOML"),
        ("card.json", b"{", "not JSON"),
        ("card.json", b'{"a": ' + b"[" * DEEP + b"]" * DEEP + b"}", "not JSON"),
        ("card.json", b"[]", "not a JSON object"),
        ("card.toml", b"#" * (LARGEST_FILE_BYTES + 1), "larger than 256 KiB"),
    ],
)
def test_what_is_refused(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    """With a sentence that says what is wrong."""
    (tmp_path / name).write_bytes(content)

    with pytest.raises(FileUnusable, match=re.escape(problem)):
        read(tmp_path / name)
