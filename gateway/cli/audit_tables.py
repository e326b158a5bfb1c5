"""Tables of the audit trail for a spreadsheet: requests and tokens by key, person, day or model."""

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from gateway.audit.account import printable
from gateway.audit.search import Search, Unreadable
from gateway.cli.audit import NO_TEXT, VERIFY, TrailDamaged

Group = Literal["key", "person", "day", "model"]
GROUPS: Mapping[Group, str] = {
    "key": "client",
    "person": '"user"',
    "day": "strftime(TRY_CAST(time AS TIMESTAMPTZ), '%Y-%m-%d')",  # in the zone TZ
    "model": "model",
}
COUNTS = ("requests", "refused", "failed", "truncated", "prompt_tokens", "completion_tokens")
NOBODY = "-"  # without a valid key, a named person or a model
# A line may stand for several requests. The name of lines without fields is NULL.
COUNT = """
SELECT CASE WHEN seq IS NOT NULL THEN coalesce({group}, '{nobody}') END AS name,
  sum(requests)::BIGINT AS requests,
  sum(CASE WHEN is_refused THEN requests ELSE 0 END)::BIGINT,
  sum(CASE WHEN is_failed AND NOT is_refused THEN requests ELSE 0 END)::BIGINT,
  count(truncated), sum(coalesce(prompt_tokens, 0))::BIGINT,
  sum(coalesce(completion_tokens, 0))::BIGINT
FROM (
  SELECT *, 1 + coalesce(more_like_this, 0) AS requests,
    coalesce(status, 0) BETWEEN 400 AND 499 AS is_refused,
    outcome NOT IN ('ok', 'client_gone') AS is_failed
  FROM lines WHERE seq IS NULL OR (kind IN ('request', 'unfinished') AND {condition}))
GROUP BY name ORDER BY {order} name
"""
FORMULA = ("=", "+", "-", "@")  # a spreadsheet would calculate what begins like this


def write_counts(
    search: Search, by: Group, condition: str, parameters: Mapping[str, object]
) -> None:
    """Write a table of counts: days in their order, else the most used first. Raises TrailDamaged
    if there are lines that cannot be read."""
    order = "" if by == "day" else "requests DESC,"
    query = COUNT.format(group=GROUPS[by], nobody=NOBODY, condition=condition, order=order)
    try:
        rows = list(search.select(query, parameters))
    except Unreadable:
        raise TrailDamaged(NO_TEXT) from None
    if any(name is None for name, *_ in rows):
        raise TrailDamaged(f"The trail has lines that are none{VERIFY}")
    write_table((by, *COUNTS), rows)


def write_table(title: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table as CSV."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(title)
    for row in rows:
        writer.writerow([make_cell(value) for value in row])


def make_cell(value: object) -> str:
    """Return a value as printable text that is no formula."""
    text = printable(str(value))
    return f"'{text}" if text.startswith(FORMULA) and text != NOBODY else text
