"""Chest pain now."""

from gateway.safety.rule import Rule, near, signs

PAIN = r"(?:pain|pains|pressure|tightness|heaviness|discomfort|squeezing|burning|ache|aching)"
WITH = (
    r"radiat\w+|spread\w*|left arm|jaw|sweat\w*|diaphor\w+|clammy|short(?:ness)? of breath|"
    r"breathless\w*|dyspn\w+|nause\w+|vomit\w+|grey|pale|faint\w*"
)
SEVERE = (
    r"crushing|squeezing|severe|sudden|heavy|stabbing|tearing|ripping|central|worst|excruciating|"
    r"terrible|intense|acute"
)
WHERE = r"(?:in|on|across|over|behind) (?:\w+ ){0,4}(?:chest|breastbone|sternum)"

RULE = Rule(
    id="MED101",
    summary="Chest pain now",
    message="The text may describe chest pain that is happening now: call {contact} at once.",
    signs={
        "en": signs(
            ("chest", "heart attack", "sternal", "sternum", "breastbone", "stemi"),
            strong=(
                near(SEVERE, rf"chest {PAIN}"),
                near(rf"chest {PAIN}|chest hurts", WITH),
                rf"(?:crushing|squeezing|stabbing|tearing) (?:\w+ )?{PAIN} {WHERE}",
                r"(?:my|his|her) chest (?:\w+ ){0,2}(?:hurts?|hurting|tight|heavy|aching|killing|"
                r"burning|exploding|pounding|squeez\w+|crush\w+)",
                rf"(?:pain|pressure|tightness|weight|squeezing) {WHERE}",
                r"elephant (?:\w+ ){0,3}(?:on|upon) (?:\w+ )?chest",
                r"(?:clutch|hold|grabb|grip)\w* (?:at )?(?:my|his|her|their) chest",
                r"(?:retro|sub)sternal (?:\w+ )?" + PAIN,
                r"having (?:a|an) (?:\w+ )?heart attack",
                r"(?:think|sure|might be|could be|looks like) (?:\w+ ){0,4}heart attack",
            ),
            weak=(rf"chest {PAIN}", r"stemi"),
        ),
        "de": signs(
            ("brust", "herzinfarkt"),
            strong=(
                near(r"stark\w*|drückend\w*|plötzlich\w*|stechend\w*", r"brustschmerz\w*"),
                near(
                    r"brustschmerz\w*|druck (?:auf|in) der brust|schmerz\w* in der brust",
                    r"arm|kiefer|atemnot|schweiß\w*|kaltschweißig|strahl\w*|ausstrahl\w+",
                ),
                r"(?:druck|enge|schmerz\w*|engegefühl) (?:auf|in|hinter) (?:der|meiner|dem) "
                r"(?:brust|brustbein)",
                r"(?:habe|hat|habe gerade) einen (?:\w+ )?herzinfarkt",
            ),
            weak=(r"brustschmerz\w*",),
        ),
        "es": signs(
            ("pecho", "infarto", "torácic", "toracic"),
            strong=(
                r"(?:dolor|presión|opresión) (?:\w+ ){0,2}en el pecho",
                r"me (?:duele|aprieta|oprime) (?:mucho )?el pecho",
                near(r"dolor tor[aá]cico", r"brazo|mandíbula|sudor\w*|irradia\w*|falta de aire"),
                r"(?:teniendo|tengo|tiene) un infarto",
            ),
            weak=(r"dolor tor[aá]cico",),
        ),
    },
)
