"""Anaphylaxis: a swelling airway, or a skin reaction with breathing or circulation."""

from gateway.safety.rule import Rule, near, signs

SKIN = r"hives|urticaria\w*|welts|itchy rash|rash all over|flush\w+"
SYSTEMIC = (
    r"wheez\w+|breath\w*|stridor|faint\w*|hypotens\w+|dizzy|throat|tongue|vomit\w+|collaps\w+|"
    r"light-?headed|bp \d\d/\d\d"
)

RULE = Rule(
    id="MED103",
    summary="Severe allergic reaction",
    message=(
        "The text may describe a severe allergic reaction: use an adrenaline auto-injector if one "
        "is prescribed and call {contact} at once."
    ),
    signs={
        "en": signs(
            (
                "throat",
                "tongue",
                "lip",
                "swell",
                "swoll",
                "anaphyla",
                "hives",
                "urticaria",
                "allergic",
                "welts",
                "rash",
                "angio",
                "airway",
                "flush",
            ),
            strong=(
                near(r"throat|airway", r"clos\w+|tighten\w*|swelling|swells?|constrict\w+"),
                near(r"tongue|lips?", r"swell\w*|swoll\w+"),
                near(SKIN, SYSTEMIC),
                r"(?:severe|serious|bad|terrible|violent) allergic reaction",
                near(r"allergic reaction", r"breath\w*|throat|tongue|faint\w*|collaps\w+|wheez\w+"),
            ),
            weak=(
                r"anaphylactic (?:shock|reaction)",
                r"anaphylaxis(?! (?:plan|action|kit|training|policy|risk|management|guideline))",
                r"angio-?o?edema",
            ),
        ),
        "de": signs(
            ("zunge", "lippen", "hals", "rachen", "anaphyla", "allergische", "quaddeln"),
            strong=(
                near(r"zunge|lippen|hals|rachen", r"schwillt|schwellen|geschwollen|zugeschwollen"),
                near(r"quaddeln|nesselsucht|ausschlag", r"atemnot|luft|schwindel\w*|kollaps\w*"),
                r"(?:schwere|starke) allergische reaktion",
                r"hals (?:\w+ ){0,2}zu",
            ),
            weak=(r"anaphylaxie", r"anaphylaktische\w* (?:schock|reaktion)"),
        ),
        "es": signs(
            ("lengua", "labios", "garganta", "anafil", "alérgica", "urticaria", "ronchas"),
            strong=(
                near(r"lengua|labios|garganta", r"hinch\w+|inflam\w+|cierra|cerrando"),
                near(r"urticaria|ronchas", r"respir\w+|aire|mare\w+|desmay\w+"),
                r"reacción alérgica (?:grave|fuerte|severa)",
            ),
            weak=(r"anafilaxia", r"shock anafiláctico"),
        ),
    },
)
