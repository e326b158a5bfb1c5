"""The page that the tests write."""

import pytest

from tests.compatibility.clients import CLIENTS
from tests.compatibility.page import PAGE, Anything, engine_version, outline, page
from tests.compatibility.tables import SHAPES, row


def test_the_committed_page_has_outcomes_in_every_row() -> None:
    """None of them is a failure, and they were found with the engine that is installed."""
    text = PAGE.read_text()

    assert f"(vLLM {engine_version()} on a CPU)" in text
    assert "?" not in text.replace("--", "")
    assert "failed" not in text


def test_every_shape_and_client_has_one_row() -> None:
    """Two of one name would overwrite each other's outcome."""
    names = [row(engine, shape) for engine, shapes in SHAPES.items() for shape in shapes]
    names += [client.row for client in CLIENTS]

    assert len(set(names)) == len(names)


def test_what_no_test_has_found_is_named() -> None:
    """An incomplete run writes nothing."""
    with pytest.raises(KeyError, match="client openai"):
        page({})


def test_outcomes_do_not_count_in_the_outline() -> None:
    """A row that is split is the same outline; a shape that is gone is not."""
    text = page(Anything())

    assert outline(text.replace("| ? |", "| equal |")) == outline(text)
    assert outline(text.replace("greedy; ", "greedy | `/v1` | equal | ? |\n| ", 1)) == outline(text)
    assert outline(text.replace("greedy; ", "", 1)) != outline(text)
