"""A seizure that goes on, comes back, or is the first."""

from gateway.safety.red_flags.rule import Rule, near, signs

FIT = r"(?:seizures?|fits?|convuls\w+|seizing|fitting)"
LONG = (
    r"won't stop|not stopping|hasn't stopped|isn't stopping|(?:[5-9]|[1-9]\d|five|six|seven|eight|"
    r"ten|fifteen|twenty|thirty|several|couple of) ?(?:\w+ )?min\w*|back to back|one after another|"
    r"without (?:waking|regaining)|(?:didn't|not|hasn't) (?:regain\w*|come round|woken)|still going"
)
SOON = r"today|tonight|just now|this morning|(?:minutes?|mins?|hours?) ago|right now|now"

GOING_ON_DE = (
    r"hört (?:\w+ ){0,2}nicht (?:\w+ )?auf|nicht auf|seit (?:\w+ )?(?:\w+ )?(?:minuten|min)|"
    r"(?:über|schon) (?:\w+ ){0,3}minuten|ohne erfolg|gerade|eben|heute|jetzt|zum ersten mal|"
    r"noch nie|"
    r"vor (?:\w+ )?(?:minuten|stunden?)|ganzen körper|verdreht|bewusstlos|schaum"
)
GOING_ON_ES = (
    r"(?:ya )?(?:\w+ )?minutos|no (?:para|cede)|lleva (?:\w+ ){0,3}minutos|"
    r"más de (?:\w+ )?minutos|de (?:\w+ )?minutos|"
    r"desde hace|sin (?:parar|respuesta)|acaba de|ahora|hoy|esta (?:tarde|mañana|noche)|nunca|"
    r"primera vez|hace (?:\w+ )?(?:minutos|hora)|ojos en blanco"
)

RULE = Rule(
    id="MED111",
    summary="Seizure",
    message=(
        "The text may describe a seizure that is going on or has just happened: keep the person "
        "safe and call {contact} at once."
    ),
    signs={
        "en": signs(
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
        ),
        "de": signs(
            strong=(
                near(
                    r"krampft|krampfanfall|anfall (?:dauert|geht)|epileptische[rn]? anfall|zuckt|"
                    r"zuckungen|status epilepticus",
                    GOING_ON_DE,
                ),
                r"erste[rn]? (?:epileptische[rn]? )?(?:krampf)?anfall",
            ),
            weak=(r"status epilepticus",),
        ),
        "es": signs(
            strong=(
                near(
                    r"convuls\w+|(?:crisis|ataque) epiléptic[oa]|ataque dura|estatus epiléptico|"
                    r"sacude todo el cuerpo|sacud\w+",
                    GOING_ON_ES,
                ),
                r"primera (?:crisis (?:epiléptica|convulsiva)|convulsión)",
                r"(?:está )?convulsionando",
            ),
            weak=(r"estatus epiléptico",),
        ),
    },
)
