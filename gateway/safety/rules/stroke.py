"""Signs of a stroke, and the headache of a bleed."""

from gateway.safety.rule import Rule, near, signs

DROOP = r"droop\w*|dropp\w+|sagg\w+|lopsided|twisted|crooked|fallen|numb"
DEFICIT = (
    r"weak\w*|numb\w*|paraly\w+|aphasi[ac]|dysphasi[ac]|hemi(?:pare|plegi)\w+|dysarthri[ac]|"
    r"facial droop|can(?:'t|not) (?:speak|talk|see)|unable to (?:speak|talk|see)|"
    r"(?:loss of|lost) (?:\w+ )?(?:speech|vision|sight)|confus\w+|blind\w*|slurred"
)
SUDDEN = r"sudden(?:ly)?|acute(?:ly)?|abrupt(?:ly)?|woke (?:\w+ )?(?:up )?(?:with|and)|new[- ]onset"
HALF = (
    r"half (?:of )?(?:my|his|her|the) (?:body|face)|one side|(?:left|right)[- ]?(?:side|sided)|"
    r"(?:left|right) (?:arm|leg|side) and (?:\w+ )?(?:arm|leg|face)"
)
SOON = r"today|tonight|this morning|(?:minutes|mins|hours|hour) ago|right now|just now"

RULE = Rule(
    id="MED102",
    summary="Signs of a stroke",
    message=(
        "The text may describe signs of a stroke: call {contact} at once and note when they began."
    ),
    signs={
        "en": signs(
            (
                "face",
                "facial",
                "mouth",
                "smile",
                "speech",
                "slur",
                "words",
                "stroke",
                "weak",
                "numb",
                "paraly",
                "hemi",
                "phasi",
                "headache",
                "arm",
                "leg",
                "speak",
                "talk",
                "vision",
                "side",
            ),
            strong=(
                near(r"(?:face|mouth|smile)(?:'s)?", DROOP),
                r"facial (?:droop\w*|weakness|asymmetry|palsy)",
                r"(?:slurr\w+|garbled|jumbled) (?:\w+ )?(?:speech|words|talking|sentences)",
                near(r"speech|words|talking|speaking", r"slurr\w+|garbled|jumbled|gibberish"),
                near(rf"{SUDDEN}", DEFICIT),
                near(HALF, r"weak\w*|paraly\w+|numb\w*|limp|won't move|can't move"),
                r"(?:can't|cannot|can not|couldn't|unable to) (?:\w+ )?"
                r"(?:lift|move|raise|feel|use) (?:\w+ )?(?:left|right|one) (?:arm|leg|hand|side)",
                r"(?:having|suffering|is it|signs of) (?:a |an )?(?:\w+ )?stroke",
                r"(?:suspected|possible|acute|evolving) (?:\w+ )?stroke",
                r"(?:think|sure|might be|could be|looks like) (?:\w+ ){0,4}stroke",
                rf"had a (?:\w+ )?stroke (?:\w+ ){{0,4}}(?:{SOON})",
                near(
                    r"hemi(?:pare|plegi)\w+|(?:a|dys)phasi[ac]|dysarthri[ac]",
                    r"onset|since \d+|hours?|minutes|last seen well|nihss",
                ),
                r"thunderclap headache",
                r"worst headache of (?:my|his|her) life",
            ),
            weak=(r"acute (?:\w+ )?stroke", r"hemi(?:pare|plegi)\w+"),
        ),
        "de": signs(
            ("schlaganfall", "gesicht", "mundwinkel", "sprach", "spricht", "gelähm", "halbseit"),
            strong=(
                near(r"gesicht|mundwinkel", r"häng\w*|schief|herab\w*|taub|gelähmt"),
                r"(?:verwaschene?|undeutliche) sprache",
                near(r"plötzlich\w*|akut\w*", r"sprachstörung\w*|gelähmt|lähmung|halbseit\w*|taub"),
                r"spricht (?:\w+ )?(?:verwaschen|undeutlich|wirr)",
                r"(?:hat|habe|erleidet) (?:gerade |wohl )?einen schlaganfall",
                r"verdacht auf (?:einen )?schlaganfall",
            ),
            weak=(r"halbseitenlähmung", r"hemiparese"),
        ),
        "es": signs(
            ("ictus", "derrame", "cara", "boca", "habla", "cuerpo", "paraliza", "brazo"),
            strong=(
                near(r"cara|boca", r"torcid[ao]|caíd[ao]|dormid[ao]|paralizad[ao]"),
                near(r"de repente|súbit\w+", r"habla\w*|debilidad|paralizad[ao]|ver|cuerpo"),
                r"(?:habla|palabras) (?:\w+ )?(?:arrastrada|arrastradas|raro|mal)",
                r"(?:medio|la mitad del) (?:lado del )?cuerpo (?:\w+ ){0,2}(?:dormid[ao]|débil|"
                r"paralizad[ao])",
                r"(?:teniendo|tiene|tengo|sufriendo) un (?:ictus|derrame)",
                r"(?:no puede|no puedo) (?:mover|levantar) (?:el|la) (?:brazo|pierna|mano)",
            ),
            weak=(r"hemiparesia", r"afasia"),
        ),
    },
)
