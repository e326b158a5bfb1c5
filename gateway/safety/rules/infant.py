"""Fever in a young infant; a child who is floppy, blue or will not wake."""

from gateway.safety.fever import FEVER
from gateway.safety.rule import Rule, near, signs

COUNT = r"(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
# Under three months any fever is an emergency (NICE NG143).
YOUNG = (
    rf"newborn|neonat\w+|{COUNT}[- ](?:days?|weeks?|wks?)[- ](?:old|of age)|"
    r"(?:[12]|one|two)[- ]months?[- ](?:old|of age)"
)
CHILD = (
    r"(?:baby|newborn|infant|neonate|toddler|child|son|daughter|kid|little (?:one|boy|girl)|"
    r"months?[- ]old|weeks?[- ]old|boy|girl)(?:'s)?"
)
BAD = (
    r"floppy|limp|unresponsive|(?:won't|will not|can't be|not|doesn't|isn't) (?:wak\w+|respond\w*)"
    r"(?: up)?+(?! (?:in the morning|for school))|lethargic|blue|grey|mottled|sunken|"
    r"bulging (?:fontanelle|soft spot)|stopped breathing|grunting"
)

RULE = Rule(
    id="MED110",
    summary="Seriously ill infant or child",
    message="The text may describe a seriously ill infant or child: call {contact} at once.",
    signs={
        "en": signs(
            (
                "baby",
                "newborn",
                "neonat",
                "infant",
                "old",
                "of age",
                "toddler",
                "child",
                "son",
                "daughter",
                "kid",
                "little",
                "boy",
                "girl",
            ),
            strong=(near(CHILD, BAD),),
            together=((YOUNG, FEVER),),
        )
    },
)
