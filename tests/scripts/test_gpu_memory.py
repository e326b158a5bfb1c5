"""The estimate beside public logs of vLLM on GPUs."""

from urllib.parse import urlsplit

import pytest

from scripts.render.gpu_memory import Figure, figures

FIGURES = figures()


@pytest.mark.parametrize(
    "figure", FIGURES, ids=lambda figure: f"{figure.log['model']} {figure.name}"
)
def test_the_estimate_is_within_5_percent_or_says_why_not(figure: Figure) -> None:
    """A reason is for what differs, and no other row shows one."""
    assert not figure.is_far or figure.log["note"] in figure.row[4]


def test_reasons_are_for_what_differs() -> None:
    """A log with a reason has a figure that needs it; a start that ended is quoted."""
    far = [figure.log for figure in FIGURES if figure.is_far]

    assert all(figure.log in far for figure in FIGURES if "note" in figure.log)
    ended = [figure for figure in FIGURES if "ended" in figure.log]
    assert {str(figure.log) for figure in ended} == {
        str(figure.log) for figure in ended if figure.log["ended"] in figure.row[4]
    }


def test_there_are_enough_logs_and_each_has_its_source() -> None:
    """At least ten, of more than one place, with every kind of figure."""
    logs = {str(figure.log) for figure in FIGURES}

    assert len(logs) >= 10
    assert all(urlsplit(figure.log["source"]).scheme == "https" for figure in FIGURES)
    assert len({figure.name for figure in FIGURES}) == 3
