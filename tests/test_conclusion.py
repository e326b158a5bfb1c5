"""The last line of a run says what was not run, and why."""

import pytest

from tests.conclusion import not_run

NGINX = "Skipped: not installed: apt-get install -y --no-install-recommends nginx"
INSTALL = "apt-get install -y --no-install-recommends nginx"


@pytest.mark.parametrize(
    ("reasons", "markers", "sentence"),
    [
        ([], "", "No test of this selection was left out."),
        ([], "not slow", "Not run: the slow ones (`make test-slow`)."),
        (
            [NGINX, NGINX, "Skipped: no GPU"],
            "not slow and not engine",
            f"Not run: 2 tests of missing programs (nginx: `{INSTALL}`), 1 test for the reasons "
            "above, the tests with a real engine (`make test`) and the slow ones "
            "(`make test-slow`).",
        ),
        ([NGINX], "slow", f"Not run: 1 test of missing programs (nginx: `{INSTALL}`)."),
    ],
)
def test_the_last_line_names_what_was_left_out(
    reasons: list[str], markers: str, sentence: str
) -> None:
    """Missing programs come with the command that installs them, the rest with its target."""
    missing = ["nginx"] if NGINX in reasons else []

    assert not_run(reasons, missing, markers) == sentence
