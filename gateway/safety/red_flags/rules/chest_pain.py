"""Chest pain now."""

from gateway.safety.red_flags.rule import Rule, near, signs

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
            strong=(
                near(
                    r"stark\w*|heftig\w*|drückend\w*|plötzlich\w*|stechend\w*|akut\w*|"
                    r"furchtbar\w*|brennend\w*|reißend\w*",
                    r"(?:brust|thorax)schmerz\w*",
                ),
                near(
                    r"(?:brust|thorax)schmerz\w*|schmerz\w* in der brust|(?:brust|druck|"
                    r"druckgefühl)\w* (?:auf|in) der brust",
                    r"arm|kiefer|unterkiefer|atemnot|schwitz\w*|schweiß\w*|kaltschweißig\w*|"
                    r"strahl\w*|ausstrahl\w+|übel|grau",
                ),
                r"(?:druck|druckgefühl|enge|engegefühl|schmerz\w*|stechen|brennen|\w*gewicht|"
                r"elefant|last) (?:\w+ ){0,3}(?:auf|in|hinter|über) (?:der|meiner|seiner|ihrer|"
                r"dem) (?:brust|brustbein|brustkorb)",
                r"(?:enge|engegefühl|druck|druckgefühl|schmerz\w*|"
                r"stechen) (?:\w+ )?i'?m (?:brustkorb|brustbereich)",
                near(r"schnürt|presst|zerreißt|drückt", r"(?:die|meine|seine|ihre|der) brust"),
                r"(?:fasst|greift|hält) sich (?:\w+ ){0,2}an (?:die|seine|ihre) brust",
                near(r"thorakal\w*|retrosternal\w*|pektangin\w*", r"schmerz\w*|enge\w*|druck\w*"),
                r"(?:ist das|ist es|habe|hat|hätte|erleidet|"
                r"vielleicht) (?:\w+ ){0,2}ein(?:en)? herzinfarkt",
            ),
            weak=(
                r"(?:brust|thorax)schmerz\w*",
                r"st-(?:strecken)?hebung\w*",
                r"stemi",
            ),
        ),
        "es": signs(
            strong=(
                r"(?:dolor|presión|opresión|peso|punzada|punzadas|quemazón|"
                r"molestia) (?:\w+ ){0,4}en (?:el|mi|su) pecho",
                r"(?:me|le|te) (?:duele|aprieta|oprime|arde|pesa|quema) (?:\w+ ){0,2}el pecho",
                near(
                    r"dolor (?:centro)?torácico|dolor (?:retroesternal|precordial)",
                    r"brazo|mandíbula|sudor\w*|irradia\w*|falta de aire|opresivo|intenso|"
                    r"diaforesis|súbito|agudo|náuseas",
                ),
                r"elefante (?:\w+ ){0,5}pecho",
                r"(?:dolor|presión|opresión) detrás del esternón|opresión (?:centro)?torácica",
                r"(?:teniendo|tengo|tiene|sufriendo|será|parece|creo que es) un infarto",
            ),
            weak=(
                r"dolor (?:centro)?torácico",
                r"elevación del st",
            ),
        ),
    },
)
