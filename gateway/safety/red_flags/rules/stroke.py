"""Signs of a stroke, and the headache of a bleed."""

from gateway.safety.red_flags.rule import Rule, near, signs

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

SUDDEN_DE = (
    r"plötzlich\w*|auf einmal|akut\w*|schlagartig|"
    r"seit (?:\w+ )?(?:einer|zwei|drei|\d+) (?:stunden?|minuten|std|min)"
)
LIMB_DE = r"(?:rechte[nrs]?|linke[nrs]?) (?:arm|bein|hand|gesichtshälfte|körperhälfte|seite)"
SUDDEN_ES = (
    r"de (?:repente|golpe|pronto)|súbit\w+|brusc\w+|agud\w+|se despertó|"
    r"desde hace (?:una|dos|\d+) horas?"
)
DEFICIT_ES = (
    r"no (?:puede|puedo) hablar|habla\w* (?:raro|mal)|debilidad|sin fuerza|parali\w+|parálisis|"
    r"hemipar\w+|afasia|disartria|no veo|no ve|torcida|no entiende"
)

RULE = Rule(
    id="MED102",
    summary="Signs of a stroke",
    message=(
        "The text may describe signs of a stroke: call {contact} at once and note when they began."
    ),
    signs={
        "en": signs(
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
            strong=(
                near(
                    r"gesicht\w*|mundwinkel", r"häng\w*|schief\w*|herab\w*|taub\w*|gelähmt|lähmung"
                ),
                near(
                    SUDDEN_DE,
                    r"sprachstörung\w*|nicht (?:mehr )?(?:richtig )?(?:sprechen|reden|sehen)|"
                    r"gelähmt|lähmung\w*|halbseit\w*|taub\w*|hemipar\w*|aphasi\w*|schwäche|lallt|"
                    r"auge nichts|kraftlos",
                ),
                r"(?:verwaschene?|undeutliche|lallende) (?:aus)?sprache",
                r"spricht (?:\w+ ){0,2}(?:verwaschen|undeutlich|wirr)",
                near(
                    r"redet|spricht|sagt|lallt",
                    r"wirres(?: zeug)?|wirr|unverständlich\w*|kauderwelsch|gesicht",
                ),
                near(
                    LIMB_DE,
                    r"(?:nicht|kaum) (?:mehr )?(?:heben|bewegen|spüren|hoch)|taub|gelähmt|schwach|"
                    r"kraftlos",
                ),
                near(
                    r"hemipar\w*|hemipleg\w*|aphasi\w*|fazialis(?:parese|lähmung)|dysarthri\w*",
                    r"akut\w*|plötzlich\w*|zuletzt|nihss|lyse|uhr|stunden?",
                ),
                r"wake-?up-?stroke|nihss \d+",
                near(
                    r"findet|finde|bekommt",
                    r"(?:die |keine )(?:\w+ )?(?:wörter|worte)(?: nicht)?(?: mehr)?",
                ),
                r"(?:rechte|linke) gesichtshälfte (?:\w+ ){0,4}(?:nicht|hängt|taub)",
                r"(?:hat|habe|erleidet|ist das|hatte (?:gerade|eben|heute)) (?:gerade |wohl |"
                r"vielleicht )?ein(?:en)? schlaganfall",
                r"(?:verdacht auf|v\. ?a\.) (?:\w+ )?(?:schlaganfall|apoplex|insult)",
            ),
            weak=(
                r"halbseitenlähmung",
                r"hemiparese",
                r"akute\w* schlaganfall",
            ),
        ),
        "es": signs(
            strong=(
                near(
                    r"cara|boca|sonrisa",
                    r"torcid[ao]|caíd[ao]|dormid[ao]|paralizad[ao]|se (?:me|le) cae|desviad[ao]",
                ),
                near(SUDDEN_ES, DEFICIT_ES),
                r"(?:arrastr\w+ (?:\w+ )?(?:las )?palabras|(?:habla|"
                r"palabras) (?:\w+ )?(?:arrastrada|arrastradas|raro|mal))",
                r"(?:dice|diciendo|habla\w*) (?:\w+ ){0,3}(?:cosas sin sentido|incoherencias|"
                r"incoherente)",
                r"(?:medio|la mitad del) (?:lado del )?cuerpo (?:\w+ ){0,2}(?:dormid[ao]|débil|"
                r"paralizad[ao])",
                r"(?:teniendo|tiene|tengo|sufriendo|acaba de tener) un (?:ictus|derrame|"
                r"infarto cerebral)",
                r"no (?:puede |puedo )?(?:mover|levantar|mueve|muevo) (?:el|la|un|una) (?:brazo|"
                r"pierna|mano|lado)",
                r"no encuentra las palabras|media cara (?:\w+ ){0,3}(?:no se|dormida|caída|"
                r"paralizada)",
                r"ictus del despertar|nihss \d+|código ictus",
                near(
                    r"hemipar\w+|afasia|disartria|parálisis facial",
                    r"brusc\w+|súbit\w+|última vez|nihss|fibrin\w+|agud\w+|horas?",
                ),
            ),
            weak=(
                r"hemiparesia",
                r"afasia",
                r"ictus agudo",
            ),
        ),
    },
)
