"""Severe difficulty in breathing, choking included."""

from gateway.safety.rule import Rule, near, signs

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
            (
                "breath",
                "chok",
                "asthma",
                "inhaler",
                "gasp",
                "blue",
                "dyspn",
                "spo2",
                "sats",
                "saturat",
                "stridor",
                "respiratory",
            ),
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
            ("luft", "atem", "atmen", "erstick"),
            strong=(
                r"(?:bekomme|bekommt|kriege|kriegt) (?:\w+ )?keine luft",
                r"kann (?:\w+ )?(?:nicht|kaum)(?: mehr)? atmen",
                r"(?:schwere|starke|plötzliche|akute) atemnot",
                r"(?:erstickt|ersticke)(?: gerade)?",
            ),
            weak=(r"atemnot",),
        ),
        "es": signs(
            ("respir", "aire", "ahog", "asfixi"),
            strong=(
                r"no (?:puedo|puede) (?:casi )?respirar",
                r"(?:me falta|le falta) (?:mucho )?el aire",
                r"se (?:está|esta) (?:ahogando|asfixiando)",
                r"(?:mucha|grave) dificultad para respirar",
            ),
            weak=(r"dificultad para respirar",),
        ),
    },
)
