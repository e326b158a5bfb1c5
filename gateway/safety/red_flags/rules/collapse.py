"""A person who is not breathing, has no pulse, or cannot be woken."""

from gateway.safety.red_flags.rule import Rule, near, signs

RULE = Rule(
    id="MED113",
    summary="Collapse or cardiac arrest",
    message=(
        "The text may describe a person who is unconscious or not breathing: call {contact} now "
        "and follow their instructions on resuscitation."
    ),
    signs={
        "en": signs(
            strong=(
                r"(?:not|isn't|aren't|stopped|no longer|wasn't) (?:\w+ )?breathing"
                r"(?! (?:well|properly|easily|comfortably|through|machine|exercises?))",
                r"no pulse",
                r"pulseless",
                r"(?:can't|cannot|couldn't|unable to) (?:wake|rouse) (?:him|her|them|my|the|our)"
                r"(?: \w+)?(?: up)?",
                r"won't wake up(?! (?:in|for|early|on time))",
                r"(?:is|are|he's|she's|found|lying|now|became|suddenly|still|went) (?:\w+ )?"
                r"(?:unconscious|unresponsive)",
                r"(?:in|into|witnessed|had a) (?:\w+ )?cardiac arrest",
                near(r"found|lying|floor", r"unresponsive|unconscious"),
                near(
                    r"collaps\w+|passed out|slump\w+|fainted",
                    r"unresponsive|not breathing|grey|just now|"
                    r"(?:won't|not|doesn't|isn't) (?:wak|respond)\w*",
                ),
            ),
        ),
        "de": signs(
            strong=(
                r"atmet (?:\w+ )?nicht(?: mehr)?(?! (?:richtig|gut|tief))",
                r"kein(?:en)? puls",
                r"pulslos|kein(?:e)? lebenszeichen|aufgehört zu atmen",
                r"(?:ist|liegt|wurde|und|jetzt|plötzlich|gerade|mann|frau) (?:\w+ )?bewusstlos",
                r"nicht (?:mehr )?ansprechbar",
                r"reagiert (?:überhaupt |gar )?nicht(?: mehr)?(?! auf)",
                r"(?:lässt sich|kann (?:ihn|sie) (?:\w+ )?|bekomme (?:ihn|"
                r"sie) ) ?nicht (?:mehr )?(?:auf)?(?:wecken|wach)",
                r"wacht nicht (?:mehr )?auf",
                r"reanimation läuft|unter reanimation|wird (?:gerade )?reanimiert",
                near(
                    r"zusammengebrochen|umgekippt", r"bewusstlos|nicht ansprechbar|atmet|reagiert"
                ),
            ),
            weak=(r"(?:herz|kreislauf)stillstand",),
        ),
        "es": signs(
            strong=(
                r"no respira(?! (?:bien|por))|ha dejado de respirar|no da señales de vida",
                r"sin pulso|no (?:le |se )?(?:tiene|encuentro|noto|siento) (?:el )?pulso",
                r"(?:está|quedó|queda|sigue|encontrad[oa]|cayó) (?:\w+ )?inconsciente",
                r"no (?:responde|reacciona)(?! (?:al|a la|a los|bien))",
                r"no (?:consigo|puedo|logro) despertar\w*",
                r"rcp (?:desde|en curso)",
                near(r"desplom\w+", r"inconsciente|no responde|no respira|no da señales"),
            ),
            weak=(r"parada (?:cardíaca|cardiorrespiratoria)",),
        ),
    },
)
