"""A seizure that goes on, comes back, or is the first."""

from gateway.safety.rule import Rule, near, signs

FIT = r"(?:seizures?|fits?|convuls\w+|seizing|fitting)"
LONG = (
    r"won't stop|not stopping|hasn't stopped|isn't stopping|(?:[5-9]|[1-9]\d|five|six|seven|eight|"
    r"ten|fifteen|twenty|thirty|several|couple of) ?(?:\w+ )?min\w*|back to back|one after another|"
    r"without (?:waking|regaining)|(?:didn't|not|hasn't) (?:regain\w*|come round|woken)|still going"
)
SOON = r"today|tonight|just now|this morning|(?:minutes?|mins?|hours?) ago|right now|now"

RULE = Rule(
    id="MED111",
    summary="Seizure",
    message=(
        "The text may describe a seizure that is going on or has just happened: keep the person "
        "safe and call {contact} at once."
    ),
    signs={
        "en": signs(
            ("seiz", "fit", "convuls", "epileptic"),
            strong=(
                r"(?:is|he's|she's|are|been|started|keeps|still|now|was|i'm) (?:\w+ )?"
                r"(?:seizing|convulsing|fitting(?! (?:well|in|nicely|for|the|a)))",
                r"having (?:a |another |repeated |back to back |an? \w+ )?"
                r"(?:seizures?|fits?|convulsions?)(?! of)",
                near(FIT, LONG),
                rf"had (?:a|another|(?:his|her|my) first|two|three|four|several) (?:\w+ )?"
                rf"(?:seizures?|fits?|convulsions?) (?:\w+ ){{0,4}}(?:{SOON})",
                r"first (?:ever )?(?:seizure|fit|convulsion)",
            ),
            weak=(r"status epilepticus",),
        )
    },
)
