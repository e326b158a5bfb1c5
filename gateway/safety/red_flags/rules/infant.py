"""Fever in a young infant; a child who is floppy, blue or will not wake."""

from gateway.safety.red_flags.rule import FEVER, FEVER_DE, FEVER_ES, Rule, near, signs

COUNT = r"(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
# Under three months any fever is an emergency (NICE NG143).
YOUNG = (
    rf"newborn|neonat\w+|{COUNT}[- ](?:days?|weeks?|wks?)[- ](?:old|of age)|"
    r"(?:[12]|one|two)[- ]months?[- ](?:old|of age)"
)
CHILD = (
    r"(?:baby|newborn|infant|neonate|toddler|child|son|daughter|kid|little (?:one|boy|girl)|"
    r"months?[- ]old|weeks?[- ]old|boy|girl)(?:'s)?"
)
BAD = (
    r"floppy|limp|unresponsive|(?:won't|will not|can't be|not|doesn't|isn't) (?:wak\w+|respond\w*)"
    r"(?: up)?+(?! (?:in the morning|for school))|lethargic|blue|grey|mottled|sunken|"
    r"bulging (?:fontanelle|soft spot)|stopped breathing|grunting"
)

COUNT_DE = r"(?:\d{1,2}|eine|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn)"
BABY_DE = r"(?:baby|säugling\w*|neugeborene\w*)"
YOUNG_DE = (
    rf"neugeborene\w*|{COUNT_DE}[- ](?:tage|wochen)[- ]alt\w*|{BABY_DE}\W{{1,3}}{COUNT_DE} wochen|"
    rf"{BABY_DE}\W{{1,3}}(?:1|2|zwei) monate?|(?:zwei|2)[- ]monate[- ]alt\w*"
)
COUNT_ES = r"(?:\d{1,2}|una|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez)"
BABY_ES = r"(?:bebé|lactante|recién nacid[oa]|neonato)"
YOUNG_ES = (
    rf"recién nacid[oa]|neonato|(?:bebé|lactante|hij[oa]|niñ[oa]) de {COUNT_ES} (?:días|semanas)|"
    r"(?:bebé|lactante|hij[oa]|niñ[oa]) de (?:1|2|un|dos) mes(?:es)?|"
    rf"tiene (?:solo )?{COUNT_ES} (?:días|semanas)(?= y| de vida)"
)

RULE = Rule(
    id="MED110",
    summary="Seriously ill infant or child",
    message="The text may describe a seriously ill infant or child: call {contact} at once.",
    signs={
        "en": signs(
            strong=(near(CHILD, BAD),),
            together=((YOUNG, FEVER),),
        ),
        "de": signs(
            strong=(
                near(
                    BABY_DE,
                    r"schlaff|schlapp|leblos|apathisch|grau|wimmert|trinkt (?:nichts?|kaum)|"
                    r"(?:kaum|nicht) (?:mehr )?(?:wecken|erweckbar)|reagiert (?:kaum|nicht)|blau|"
                    r"schrill\w* schrei\w*|fontanelle",
                ),
                near(
                    r"kind|sohn|tochter",
                    r"schlaff|leblos|apathisch|(?:lässt sich|kaum|nicht) (?:\w+ )?(?:wecken|"
                    r"erweckbar)|reagiert (?:kaum|nicht)",
                ),
            ),
            together=((YOUNG_DE, FEVER_DE),),
        ),
        "es": signs(
            strong=(
                near(
                    BABY_ES,
                    r"floj\w+|gris|hipotónic\w+|no (?:quiere comer|come|mama|reacciona|responde|"
                    r"despierta)|cuesta despertar\w*|azul\w*|casi no reacciona|llanto agudo|"
                    r"fontanela",
                ),
                near(
                    r"niñ[oa]|hij[oa]", r"no (?:reacciona|responde|despierta)|inerte|hipotónic[oa]"
                ),
            ),
            together=((YOUNG_ES, FEVER_ES),),
        ),
    },
)
