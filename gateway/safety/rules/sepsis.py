"""Signs of sepsis or meningitis."""

from gateway.safety.fever import FEVER, FEVER_WORDS
from gateway.safety.rule import Rule, signs

STIFF = (
    r"(?:stiff|rigid) neck|neck (?:\w+ ){0,3}(?:stiff|rigid)\w*|neck stiffness|nuchal rigidity|"
    r"kernig\w*|meningism\w*"
)
RASH = (
    r"(?:purple|non-?blanching|mottled|petechial|purpuric) (?:\w+ )?(?:rash|spots|skin)|"
    r"rash (?:\w+ ){0,3}(?:doesn't|does not|won't|not) (?:\w+ )?(?:fade|blanch|disappear|go away)|"
    r"petechia\w*|purpura"
)
ILL = (
    r"confus\w+|delirious|hypotens\w+|very sleepy|hard to (?:wake|rouse)|drowsy|lactate|mottled|"
    r"(?:bp|blood pressure) (?:\w+ ){0,2}[5-8]\d ?/ ?\d+|sbp [5-8]\d|clammy|not making sense|"
    r"passing (?:no|hardly any|little) urine"
)

RULE = Rule(
    id="MED108",
    summary="Signs of sepsis or meningitis",
    message=("The text may describe signs of sepsis or meningitis: call {contact} at once."),
    signs={
        "en": signs(
            (*FEVER_WORDS, "rash", "seps", "septic", "mening", "neck", "nuchal", "kernig"),
            strong=(
                r"(?:septic shock|(?:suspected|possible|likely|query) (?:\w+ )?"
                r"(?:sepsis|meningitis|meningococc\w+))",
                r"rash (?:\w+ ){0,3}(?:doesn't|does not|won't) (?:\w+ )?(?:fade|blanch|disappear)",
                r"non-?blanching (?:\w+ )?rash",
            ),
            together=(
                (FEVER, f"{STIFF}|{RASH}|{ILL}"),
                (STIFF, r"photophobia|light hurts|severe headache|terrible headache|vomit\w+"),
            ),
        )
    },
)
