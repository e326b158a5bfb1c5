"""Severe difficulty in breathing, choking included."""

from gateway.safety.red_flags.rule import Rule, near, signs

CANNOT = (
    r"(?:can't|cannot|can not|couldn't|unable to|barely|hardly|struggling to|struggles to|fighting "
    r"to|hard to|difficult to|gasping to)"
)
SHORT = (
    r"short(?:ness)? (?:of )?breath|breathless\w*|trouble breathing|difficulty breathing|dyspn\w+"
)
BAD = (
    r"at rest|sitting still|can't (?:speak|talk|lie)|full sentences?|finish (?:a |his |her )?"
    r"sentences?|blue|cyanos\w+|sudden\w*|getting worse|worsening|right now|since this morning|"
    r"tonight|today|minutes"
)
FAILING = (
    r"not working|isn't working|not helping|isn't helping|no relief|can't (?:speak|talk)|"
    r"sentences?|not getting better|isn't getting better|getting worse|won't stop|used up"
)

RULE = Rule(
    id="MED107",
    summary="Severe difficulty in breathing",
    message="The text may describe severe difficulty in breathing: call {contact} at once.",
    signs={
        "en": signs(
            strong=(
                rf"{CANNOT} (?:\w+ )?breathe?",
                rf"{CANNOT} (?:get|catch|draw) (?:my|his|her|any|enough|a) (?:\w+ )?(?:breath|air)",
                r"(?:severe|sudden|acute|extreme|rapidly worsening) (?:\w+ )?"
                r"(?:shortness (?:of )?breath|breathlessness|dyspn\w+|"
                r"respiratory distress|difficulty breathing|asthma)",
                r"(?:is|am|i'm|he's|she's|was|keeps|keep) gasping",
                r"gasping for (?:air|breath)",
                near(r"lips|fingertips|face", r"blue|bluish|cyanos\w+|cyanotic"),
                near(SHORT, BAD),
                near(r"asthma|inhaler|nebuli[sz]er", FAILING),
                r"(?:is|are|he's|she's|i'm|am|baby|son|daughter|wife|husband|started) choking",
                r"choking on (?:a|an|his|her|some|food|something)",
                r"(?:spo2|sats|saturations?)(?: \w+){0,2} ?(?:[5-7]\d|8[0-8])(?!\d)",
            ),
            weak=(
                r"(?:trouble|difficulty) breathing",
                r"stridor",
                r"respiratory (?:arrest|failure)",
            ),
        ),
        "de": signs(
            strong=(
                r"(?:bekomm\w*|krieg\w*) (?:(?!nase)\w+ ){0,3}(?:keine|kaum|schlecht) (?:noch |"
                r"mehr )?luft",
                r"kann (?:\w+ )?(?:nicht|kaum)(?: mehr)? (?:\w+ )?atmen",
                r"(?:schwere|starke|plötzliche|akute|massive|zunehmende)[nr]? (?:\w+ )?(?:atemnot|"
                r"luftnot|dyspnoe)",
                near(
                    r"atemnot|luftnot|dyspnoe",
                    r"plötzlich\w*|akut\w*|in ruhe|orthopnoe|sättigung|spo2|blau|flach liegen|"
                    r"seit heute",
                ),
                near(
                    r"asthmaspray|notfallspray|spray|inhalator",
                    r"hilft nicht|wirkt nicht|hilft kaum|keine wirkung",
                ),
                near(r"lippen|gesicht", r"blau|bläulich|zyanotisch"),
                r"(?:ringt|schnappt|japst|ringe) (?:\w+ ){0,2}nach luft",
                r"(?:spo2|\w*sättigung)(?: \w+){0,3} ?(?:[5-7]\d|8[0-8])(?!\d)",
                r"(?:erstickt|ersticke)(?: gerade)?",
                near(
                    r"japst|keucht|luft",
                    r"(?:keinen|kaum einen) (?:ganzen )?satz|nicht (?:mehr )?sprechen|zwei wörter",
                ),
                near(r"verschluckt", r"hustet nicht|atmet nicht|luft|blau"),
            ),
            weak=(
                r"atemnot",
                r"luftnot",
                r"dyspnoe",
            ),
        ),
        "es": signs(
            strong=(
                r"no (?:puedo|puede|consigo|consigue) (?:casi )?respirar(?! por)",
                r"(?:casi no|apenas) (?:puedo|puede|consigue)? ?respir\w+",
                r"(?:me|le) falta (?:mucho )?el aire",
                r"(?:me|se) (?:está |estoy )?(?:ahogo|ahoga|ahogando|asfixia|asfixiando)",
                r"(?:mucha|grave|gran|severa) dificultad para respirar",
                near(
                    r"disnea|falta de aire",
                    r"súbit\w+|agud\w+|ortopnea|no tolera|satura\w+|desde anoche|en reposo|"
                    r"de repente",
                ),
                near(r"inhalador", r"no (?:me |le )?(?:hace|funciona|alivia|ayuda)"),
                near(r"labios|cara", r"azul(?:es|ad\w+)?|morad[oa]s?|cianótic\w+"),
                r"(?:poniendo|se puso|se pone) (?:azul|morad[oa])",
                r"(?:saturación|satura\w*|spo2)(?: \w+){0,3} ?(?:[5-7]\d|8[0-8])(?!\d)",
                r"no puede (?:terminar|acabar|decir) (?:\w+ ){0,2}(?:frase|palabras)|boqueando",
                near(r"atragant\w+", r"no (?:tose|respira|puede)|azul"),
            ),
            weak=(
                r"dificultad para respirar",
                r"disnea(?! de esfuerzo)",
            ),
        ),
    },
)
