"""`mmhie audit export --count-by`: what was used, by whom, on which day, of which model."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.audit.conftest import Append, Desk, set_zone


def request_line(time: str, client: str | None, **more: Any) -> dict[str, Any]:
    """A request's line."""
    line = {"kind": "request", "time": f"2026-11-{time}Z", "client": client, "status": 200}
    return {**line, "outcome": "ok", **more}


WEBER = {"user": "dr.weber", "model": "m"}
LINES = [
    request_line("27T23:59:59", "ward", **WEBER, prompt_tokens=7, completion_tokens=3),
    request_line("28T00:00:00", "ward", **WEBER, prompt_tokens=5, completion_tokens=0),
    request_line("28T10:00:00", "ward", model="n", prompt_tokens=9, truncated="history"),
    request_line("28T10:00:01", "=1+1", status=429, outcome="rate_limited"),
    request_line("28T10:00:02", "=1+1", outcome="engine_died", model="m", prompt_tokens=2),
    request_line("28T10:00:03", "=1+1", outcome="client_gone", model="m", completion_tokens=1),
    request_line("28T10:00:04", None, status=401, outcome="unauthorized", more_like_this=4),
    {
        "kind": "unfinished",
        "time": "2026-11-28T11:00:00Z",
        "client": "ward",
        "outcome": "unfinished",
    },
    {"kind": "hold", "time": "2026-11-28T12:00:00Z", "by": "officer"},
]
KEYS = {"-": (5, 5, 0, 0, 0, 0), "ward": (4, 0, 1, 1, 21, 3), "'=1+1": (3, 1, 1, 0, 2, 1)}
DAYS = {"2026-11-27": (1, 0, 0, 0, 7, 3), "2026-11-28": (11, 6, 2, 1, 16, 1)}
PERSONS = {"-": (10, 6, 2, 1, 11, 1), "dr.weber": (2, 0, 0, 0, 12, 3)}
MODELS = {"-": (7, 6, 1, 0, 0, 0), "m": (4, 0, 1, 0, 14, 4), "n": (1, 0, 0, 1, 9, 0)}


@pytest.fixture(autouse=True)
def usage(append: Append) -> None:
    """A trail of two days."""
    append(LINES)


@pytest.mark.parametrize(
    ("by", "rows"), [("key", KEYS), ("day", DAYS), ("person", PERSONS), ("model", MODELS)]
)
def test_each_group_is_counted(desk: Desk, by: str, rows: dict[str, tuple[int, ...]]) -> None:
    """Requests, refused and failed ones, cut ones, tokens; no name is a spreadsheet's formula."""
    out, _ = desk.run("audit", "export", "--count-by", by)
    (title, *_), *found = csv.reader(io.StringIO(out))

    assert title == by
    assert [(name, tuple(map(int, counts))) for name, *counts in found] == list(rows.items())


@pytest.mark.parametrize("damage", [b'{"seq":', b"\xff\xfe\n"])
def test_lines_that_are_none_are_not_counted_over(desk: Desk, path: Path, damage: bytes) -> None:
    """Figures of a damaged trail would be believed."""
    path.write_bytes(path.read_bytes() + damage)
    out, err = desk.run("audit", "export", "--count-by", "key", exit_code=1)

    assert out == ""
    assert "mmhie audit verify" in err


def test_a_day_is_one_of_the_site(desk: Desk) -> None:
    """The first request was on the next day there."""
    with set_zone("CET-1"):
        out, _ = desk.run("audit", "export", "--count-by", "day")

    assert [row.split(",")[:2] for row in out.splitlines()[1:]] == [["2026-11-28", "12"]]
