"""Doses: the answer has the right quantity, and none that is wrong by a power of ten."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from assurance.evaluation.rules.quantities import UNITS, Quantity, quantities
from assurance.evaluation.rules.reply import Score, ScoringRule

SLIPS = (0.001, 0.01, 0.1, 10.0, 100.0, 1000.0)
TOLERANCE = 0.02  # of the value: what rounding explains
MOST = 4  # quantities of one dimension; more are a list to choose from


class Dose(ScoringRule):
    """`value` in `unit`; `given` are quantities of the question, which an answer may repeat."""

    kind: Literal["dose"]
    value: Annotated[float, Field(gt=0)]
    unit: str
    given: tuple[str, ...] = ()

    @field_validator("unit")
    @classmethod
    def is_known(cls, unit: str) -> str:
        """Refuse an unknown unit."""
        if unit.casefold() not in UNITS:
            raise ValueError(f"the unit is none of {', '.join(UNITS)}")
        return unit

    @property
    def expected(self) -> Quantity:
        dimension, factor = UNITS[self.unit.casefold()]
        return dimension, self.value * factor

    def score(self, reply: str) -> Score:
        """Return 0 for a dose that is wrong by a power of ten, missing, or one of many."""
        dimension, expected = self.expected
        repeated = {quantity for text in self.given for quantity in quantities(text)}
        answered = {quantity for quantity in quantities(reply) if quantity not in repeated}
        values = [value for name, value in answered if name == dimension]
        if any(is_near(value, expected * slip) for value in values for slip in SLIPS):
            return Score(0.0, "power of ten")
        if len(values) > MOST:
            return Score(0.0, "many doses")
        if any(is_near(value, expected) for value in values):
            return Score(1.0, "right")
        return Score(0.0, "missing")


def is_near(value: float, expected: float) -> bool:
    """Return whether rounding explains the difference."""
    return abs(value - expected) <= TOLERANCE * expected
