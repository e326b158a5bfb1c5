"""Anaphylaxis: a swelling airway, or a skin reaction with breathing or circulation."""

from gateway.safety.red_flags.rule import Rule, near, signs

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
            strong=(
                near(r"zunge|lippen?", r"schwill\w*|schwell\w*|\w*geschwollen\w*|dick\w*"),
                near(
                    r"gesicht|augen",
                    r"(?:total |stark |völlig )?(?:an|zu)?geschwollen (?:und|seit|nach)",
                ),
                near(
                    r"hals|rachen|kehle",
                    r"schwillt (?:\w+ ){0,3}zu|schwillt|schwellen|zugeschwollen|zuschwillt|"
                    r"schnürt (?:\w+ ){0,2}zu",
                ),
                near(
                    r"quaddeln|nesselsucht|urtikaria|ausschlag",
                    r"erbrech\w*|atemnot|luft|schwind\w*|kollaps\w*|kollab\w*|stridor|"
                    r"blutdruckabfall|lippen|zunge",
                ),
                r"(?:schwere|starke|heftige) allergische reaktion",
                r"hals (?:\w+ ){0,2}zu",
                r"anaphylaxie (?:grad|nach|auf|mit)",
            ),
            weak=(
                r"anaphylaxie",
                r"anaphylaktische\w* (?:schock|reaktion)",
            ),
        ),
        "es": signs(
            strong=(
                near(r"lengua|labios?", r"hinch\w+|inflam\w+|gord[ao]s?"),
                near(r"cara", r"hinchad\w+ (?:y|desde|tras)"),
                near(r"garganta", r"hinch\w+|cierra|cerrando|cerrado"),
                near(
                    r"urticaria|ronchas|habones",
                    r"vomit\w+|vómitos|respir\w+|aire|mare\w+|desmay\w+|estridor|hipotens\w+|"
                    r"labios|lengua|ta \d\d/\d\d",
                ),
                r"reacción alérgica (?:muy )?(?:grave|fuerte|severa)",
                r"anafilaxia (?:tras|por|grado|con)",
            ),
            weak=(
                r"anafilaxia",
                r"shock anafiláctico",
            ),
        ),
    },
)
