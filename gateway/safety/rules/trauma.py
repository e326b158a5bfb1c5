"""Major injury: crash, fall from a height, stab, shot, current, amputation."""

from gateway.safety.rule import Rule, near, signs

CRASH = r"(?:car|bus|train|motorbike|motorcycle|head-on|road) (?:\w+ )?(?:crash|accident|collision)"
HURT = r"trapped|unconscious|(?:badly|really|seriously|severely) (?:injured|hurt)|ejected|crushed"

RULE = Rule(
    id="MED114",
    summary="Major injury",
    message="The text may describe a major injury: call {contact} at once.",
    signs={
        "en": signs(
            (
                "crash",
                "accident",
                "collision",
                "collided",
                "bone",
                "stab",
                "shot",
                "electrocut",
                "cut off",
                "ripped off",
                "torn off",
                "chopped off",
                "amput",
                "impal",
                "fell",
                "fall",
            ),
            strong=(
                r"bones? (?:\w+ ){0,4}(?:sticking|poking|coming) out",
                r"(?:been|got|was|is|were|i'm) (?:just )?(?:stabbed|shot|electrocuted|impaled)"
                r"(?! (?:at|of|in (?:19|20)\d\d))",
                r"(?:gunshot|stab) wounds?",
                r"(?:finger|hand|toe|foot|arm|leg|thumb)s? (?:\w+ ){0,3}"
                r"(?:cut|ripped|torn|chopped) off",
                r"traumatic amputation",
                near(
                    r"(?:fell|fall) (?:\w+ ){0,2}(?:off|from|down)",
                    r"can't move|not moving|unconscious|confused|neck|can't feel",
                ),
            ),
            together=((rf"{CRASH}|crash|collided", HURT),),
        )
    },
)
