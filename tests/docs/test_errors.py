"""The list of error codes in docs/limits.md."""

from collections.abc import Iterator

from gateway.errors import GatewayError
from tests.docs.examples import DOCS


def leaves(family: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    """Yield every error that the gateway raises."""
    own = [kind for kind in family.__subclasses__() if kind.__module__ == GatewayError.__module__]
    for child in own:
        yield from list(leaves(child)) or [child]


def test_every_error_is_documented() -> None:
    """With its status and its code, and no error that there is not."""
    lines = (DOCS / "limits.md").read_text().splitlines()
    listed = {line.partition(":")[0] for line in lines if line.startswith(("- 4", "- 5"))}

    assert listed == {f"- {leaf.status} `{leaf.code}`" for leaf in leaves()}
