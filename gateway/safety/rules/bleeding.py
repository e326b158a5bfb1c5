"""Severe bleeding, outside or inside."""

from gateway.safety.rule import Rule, near, signs

NO_STOP = (
    r"(?:won't|will not|wouldn't|doesn't|does not|isn't|is not|hasn't|can't be|cannot be|not) "
    r"(?:\w+ )?(?:stop\w*|controll\w+|slow\w*)"
)
MUCH = (
    r"uncontroll\w+|heavily|profuse\w*|a lot|everywhere|soak\w+|pouring|gushing|spurting|badly|"
    r"massive\w*|pulsing|heavy"
)

RULE = Rule(
    id="MED106",
    summary="Severe bleeding",
    message=(
        "The text may describe severe bleeding: press firmly on a wound and call {contact} at once."
    ),
    signs={
        "en": signs(
            ("bleed", "blood", "morrhag", "matemes", "moptysis", "melaena", "melena", "tarry"),
            strong=(
                near(r"bleeding|blood", NO_STOP),
                r"(?:can't|cannot|couldn't|unable to|won't) (?:\w+ )?(?:stop|control) "
                r"(?:the |this |my |his |her )?(?:\w+ )?bleeding",
                near(r"bleeding", MUCH),
                near(
                    r"blood",
                    r"spurt\w+|gush\w+|pouring|soak\w+|pool of|everywhere|pumping|squirt\w+",
                ),
                r"(?:vomit\w*|throw\w* up|threw up|cough\w* up|pukin?g?|spitting) (?:up )?"
                r"(?:\w+ ){0,6}blood",
                r"(?:massive|severe|major|uncontroll\w+|catastrophic|brisk|torrential) "
                r"(?:\w+ ){0,2}(?:ha?emorrhag\w+|bleed\w*|ha?emoptysis|ha?ematemesis|blood loss)",
                near(r"mela?ena|tarry stools?", r"hypotens\w+|faint\w*|dizzy|collaps\w+|bp \d\d"),
                r"exsanguinat\w+",
            ),
            weak=(r"ha?ematemesis", r"ha?emorrhagic shock"),
        )
    },
)
