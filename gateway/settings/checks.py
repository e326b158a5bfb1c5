"""The setting of the output checks."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.settings.base import CommaSeparated, SharedSettings

OutputCheck = Literal[
    "number",
    "drug",
    "side",
    "tenfold",
    "allergy",
    "frequency",
    "limit",
    "omission",
    "reference",
    "instructions",
]


class CheckSettings(SharedSettings):
    """Part of the gateway's settings."""

    output_checks: Annotated[tuple[OutputCheck, ...], CommaSeparated] = Field(
        (),
        description="Checks that compare an answer with its request and add warnings, "
        "comma-separated. How often each is right: docs/safety.md.",
    )
