"""A person who is not breathing, has no pulse, or cannot be woken."""

from gateway.safety.rule import Rule, near, signs

RULE = Rule(
    id="MED113",
    summary="Collapse or cardiac arrest",
    message=(
        "The text may describe a person who is unconscious or not breathing: call {contact} now "
        "and follow their instructions on resuscitation."
    ),
    signs={
        "en": signs(
            (
                "breathing",
                "pulse",
                "collaps",
                "slump",
                "fainted",
                "unconscious",
                "unresponsive",
                "passed out",
                "wake",
                "rouse",
                "arrest",
            ),
            strong=(
                r"(?:not|isn't|aren't|stopped|no longer|wasn't) (?:\w+ )?breathing"
                r"(?! (?:well|properly|easily|comfortably|through|machine|exercises?))",
                r"no pulse",
                r"pulseless",
                r"(?:can't|cannot|couldn't|unable to) (?:wake|rouse) (?:him|her|them|my|the|our)"
                r"(?: \w+)?(?: up)?",
                r"won't wake up(?! (?:in|for|early|on time))",
                r"(?:is|are|he's|she's|found|lying|now|became|suddenly|still|went) (?:\w+ )?"
                r"(?:unconscious|unresponsive)",
                r"(?:in|into|witnessed|had a) (?:\w+ )?cardiac arrest",
                near(r"found|lying|floor", r"unresponsive|unconscious"),
                near(
                    r"collaps\w+|passed out|slump\w+|fainted",
                    r"unresponsive|not breathing|grey|just now|"
                    r"(?:won't|not|doesn't|isn't) (?:wak|respond)\w*",
                ),
            ),
        )
    },
)
