"""Any rule, by its `kind`."""

from typing import Annotated

from pydantic import Field

from assurance.evaluation.rules.choice import Choice
from assurance.evaluation.rules.dose import Dose
from assurance.evaluation.rules.grounding import Grounding
from assurance.evaluation.rules.phrases import Phrases
from assurance.evaluation.rules.rubric import Rubric
from assurance.evaluation.rules.served import HasDisclaimer, NoReasoning, Notice

Rule = Annotated[
    Choice | Phrases | Dose | Grounding | Rubric | HasDisclaimer | Notice | NoReasoning,
    Field(discriminator="kind"),
]
