"""Any rule, by its `kind`."""

from typing import Annotated

from pydantic import Field, TypeAdapter

from launcher.evaluation.rules.choice import Choice
from launcher.evaluation.rules.dose import Dose
from launcher.evaluation.rules.grounding import Grounding
from launcher.evaluation.rules.phrases import Phrases
from launcher.evaluation.rules.rubric import Rubric
from launcher.evaluation.rules.served import Disclaimer, NoReasoning, Notice

Rule = Annotated[
    Choice | Phrases | Dose | Grounding | Rubric | Disclaimer | Notice | NoReasoning,
    Field(discriminator="kind"),
]
RULE: TypeAdapter[Rule] = TypeAdapter(Rule)
