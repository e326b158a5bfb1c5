"""The operator's file: TOML or JSON, shown as it is, or refused."""

import re
from pathlib import Path

import pytest

from gateway.model_card.operator_file import LARGEST_FILE_BYTES, read
from gateway.runtime.files import FileUnusable

DEEP = 5_000


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
