"""Cauda equina: numb saddle, lost bladder or bowel, with a bad back."""

from gateway.safety.red_flags.rule import Rule, near, signs

SADDLE = (
    r"between (?:my|his|her|the) legs|groin|genitals?|private parts|buttocks?|perine\w+|anus|"
    r"inner thighs|when (?:i|he|she) wipes?"
)
BACK = r"back pain|back|sciatica|dis[ck] (?:prolapse|herniation)|slipped dis[ck]|spin(?:e|al)"
BLADDER = (
    r"(?:can't|cannot|unable to|couldn't) (?:\w+ )?(?:pee|urinate|pass (?:urine|water)|"
    r"control (?:my|his|her) (?:bladder|bowels?)|feel (?:my|his|her) bladder)|urinary retention|"
    r"incontinen\w+|lost control of (?:my|his|her) (?:bladder|bowels?)|"
    r"(?:wet|wetting|soiled|soiling) (?:my|him|her)self"
)

BLADDER_DE = (
    r"harnverhalt\w*|inkontinen\w*|in die hose|wasserlassen (?:\w+ ){0,2}nicht|"
    r"nicht (?:mehr )?(?:\w+ )?(?:wasserlassen|pinkeln|urinieren|wann ich pinkeln)|"
    r"urin (?:\w+ ){0,2}nicht (?:mehr )?halten|nicht mehr, wann|stuhl nicht (?:mehr )?halten"
)
BLADDER_ES = (
    r"retención urinaria|incontinencia|no (?:controlo|aguanto) (?:la |las )?(?:orina|heces)|"
    r"no puedo orinar|"
    r"se me escapan? (?:el |la )?(?:pis|orina|heces)|no noto cuándo|me orino encima"
)

RULE = Rule(
    id="MED112",
    summary="Possible pressure on the spinal nerves",
    message=(
        "The text may describe pressure on the nerves of the lower spine: call {contact} or go to "
        "an emergency department today."
    ),
    signs={
        "en": signs(
            strong=(
                r"saddle (?:an?a?esthesia|numbness|area numb\w*)",
                near(r"numb\w*|lost (?:all )?feeling|no feeling|can't feel", SADDLE),
            ),
            weak=(r"cauda equina",),
            together=((BACK, BLADDER),),
        ),
        "de": signs(
            strong=(
                r"reithosen\w*",
                near(
                    r"taub\w*|gefühllos|wie eingeschlafen|spüre nichts|kein gefühl",
                    r"zwischen den beinen|(?:i'?m|der) schritt|genital\w*|damm|(?:am|der|den|"
                    r"meinen) po|gesäß|intimbereich",
                ),
            ),
            weak=(r"cauda[- ]equina\w*",),
            together=((r"rücken\w*|bandscheibe\w*|hexenschuss|lws\w*|ischias", BLADDER_DE),),
        ),
        "es": signs(
            strong=(
                r"anestesia en silla de montar",
                near(
                    r"dormid[ao]|adormecid[ao]|no siento|sin sensibilidad",
                    r"entrepierna|entre las piernas|genital\w+|periné|culo|ano|nalgas",
                ),
            ),
            weak=(
                r"cauda equina",
                r"síndrome de (?:la )?cola de caballo",
            ),
            together=((r"espalda|lumbago|lumbalgia|lumbar\w*|ciática|hernia discal", BLADDER_ES),),
        ),
    },
)
