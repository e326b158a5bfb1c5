"""Severe bleeding, outside or inside."""

from gateway.safety.red_flags.rule import Rule, near, signs

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
        ),
        "de": signs(
            strong=(
                near(
                    r"blutet|blutung\w*|bluten",
                    r"stark|starke|heftig\w*|massiv\w*|unstillbar\w*|(?:hört|"
                    r"hören) (?:\w+ ){0,3}nicht (?:\w+ )?auf|nicht auf|nicht (?:gestillt|stillen|"
                    r"stoppen|zu stillen)|stoppt nicht|spritzt|seit (?:einer|zwei|drei|"
                    r"\d+) stunden?",
                ),
                r"(?:erbricht|erbrochen|spuckt|spucke|gespuckt|hustet|gehustet) (?:\w+ ){0,6}blut",
                r"blut (?:\w+ )?(?:erbrochen|gespuckt|gehustet|erbricht|spuckt|spritzt)",
                near(
                    r"teerst[uü]hle?|meläna|hämatemesis|hämoptysen?",
                    r"massiv\w*|kreislauf\w*|hb|instabil|hypoton\w*",
                ),
                r"massive[rmn]? (?:\w+ )?(?:teerst[uü]hle?|meläna|hämatemesis|blutung|blutungen|"
                r"blutverlust)",
                r"hämorrhagische\w* schock",
                r"verblute\w*",
                near(
                    r"blut",
                    r"spritzt|pulsier\w+|aus (?:dem|der) (?:darm|after|po|scheide)|schwallartig",
                ),
            ),
        ),
        "es": signs(
            strong=(
                near(
                    r"sangra\w*|hemorragia",
                    r"mucho|mucha|abundante\w*|no para|no se (?:corta|para|detiene)|no (?:consigo|"
                    r"puedo|logro) (?:cortar|parar|detener)\w*|a chorro|sin parar|masiv\w+|"
                    r"desde hace (?:una|dos|\d+) horas?",
                ),
                r"(?:cortar|parar|detener) (?:la hemorragia|el sangrado)",
                r"(?:vomit\w+|escup\w+|tosiendo|tose|toso) (?:\w+ ){0,4}sangre",
                near(
                    r"melenas?|hematemesis|rectorragia",
                    r"abundante\w*|hipotens\w+|inestable|hb|masiv\w+|síncope",
                ),
                near(r"sangre", r"a chorros?|a borbotones|por el (?:recto|ano)|charco"),
                r"hemorragia masiva|shock hemorrágico|desangr\w+",
            ),
        ),
    },
)
