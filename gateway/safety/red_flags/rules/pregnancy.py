"""Emergencies of pregnancy and childbirth."""

from gateway.safety.red_flags.rule import Rule, near, signs

PREGNANT = (
    r"pregnan\w+|gravid\w*|g\dp\d|gestation\w*|trimester|postpartum|gave birth|primigravida|"
    r"(?:[4-9]|[1-3]\d|4[0-2])(?:\+\d)? ?(?:weeks|wks)"
    r"(?! (?:ago|old|later|post|after|of age|history))"
)
PAIN = (
    r"(?:severe|constant|sharp|sudden|terrible|intense|excruciating) (?:\w+ )?"
    r"(?:abdominal|belly|stomach|tummy|pelvic|one-sided|shoulder[- ]tip|back) (?:\w+ )?pain"
)
LOSS = (
    r"bleeding(?! gums)|gush of blood|soaking (?:\w+ )?pads?|"
    r"(?:no|reduced|decreased|less|absent) (?:fetal|foetal) movements?"
)
PRESSURE = (
    r"(?:severe|terrible|bad|pounding|worst|splitting) headache|seeing (?:spots|stars)|"
    r"flashing lights|blurr(?:ed|y) vision|visual disturbance\w*|1[6-9]\d ?/ ?\d{2,3}|"
    r"seizures?|convuls\w+|epigastric pain|right upper quadrant pain|eclampsia"
)

PREGNANT_DE = (
    r"schwanger\w*|(?:[4-9]|[1-3]\d|4[0-2])(?:\+\d)?\.? ?(?:ssw|woche(?! (?:krank|urlaub)))|"
    r"gravid\w*|"
    r"(?:sechsten|siebten|achten|neunten) monat|wochenbett|fruchtblase|wehen|entbunden"
)
ALARM_DE = (
    r"blute|blutet|bluten|blutung\w*|augenflimmern|sehstörung\w*|1[6-9]\d ?/ ?\d{2,3}|krampf\w*|"
    r"(?:stark\w*|schlimm\w*|heftig\w*|plötzlich\w*) (?:\w+ )?(?:bauch|unterbauch|unterleibs|"
    r"kopf)schmerz\w*|"
    r"eklampsie"
)
PREGNANT_ES = (
    r"embarazad\w+|gestante\w*|puérpera|primigesta|roto aguas|"
    r"(?:estoy|está) de (?:\d{1,2}|seis|siete|ocho|nueve) (?:semanas|meses)|"
    r"\d{1,2} semanas de (?:embarazo|gestación)"
)
ALARM_ES = (
    r"sangr\w+|hemorragia|1[6-9]\d ?/ ?\d{2,3}|convuls\w+|eclampsia|cefalea intensa|"
    r"ve(?:o)? (?:lucecitas|luces|borroso|destellos)|dolor de cabeza (?:muy )?(?:fuerte|intenso)|"
    r"dolor (?:abdominal|de (?:barriga|vientre|tripa)) (?:muy )?(?:fuerte|intenso|horrible|agudo)|"
    r"dolor (?:muy )?(?:fuerte|intenso) en (?:el )?(?:hipogastrio|vientre|abdomen)"
)

RULE = Rule(
    id="MED109",
    summary="Emergency in pregnancy",
    message=(
        "The text may describe an emergency in pregnancy: call {contact} or the maternity unit now."
    ),
    signs={
        "en": signs(
            strong=(
                r"(?:haven't|have not|hasn't|can't|cannot|not|no longer) (?:\w+ )?"
                r"(?:felt|feel|feeling) (?:the |my )?baby(?: \w+)?",
                r"baby (?:hasn't|has not|isn't|is not|has stopped|stopped) (?:\w+ )?"
                r"(?:mov\w+|kick\w+)",
                r"(?:umbilical )?cord (?:is |has )?(?:\w+ )?(?:coming out|hanging|"
                r"prolaps\w+|visible)",
                r"(?:placental abruption|ruptured ectopic|suspected ectopic|"
                r"postpartum ha?emorrhage)"
                r"(?= (?:now|with|at|and)|[,.:;])",
            ),
            together=((PREGNANT, f"{LOSS}|{PAIN}|{PRESSURE}"),),
        ),
        "de": signs(
            strong=(
                near(r"nabelschnur", r"sehe|sieht|sehen|hängt|vorfall|heraus|raus"),
                r"(?:spüre|spürt|merke|fühle) (?:\w+ )?(?:mein|das|unser|ihr) (?:baby|"
                r"kind) (?:\w+ ){0,2}(?:nicht|kaum)",
                r"(?:baby|kind|kleine) (?:hat )?sich (?:\w+ ){0,3}nicht (?:mehr )?(?:gerührt|"
                r"bewegt)",
                r"(?:baby|kind) (?:\w+ )?bewegt sich (?:\w+ ){0,3}(?:nicht|kaum)",
            ),
            together=((PREGNANT_DE, ALARM_DE),),
        ),
        "es": signs(
            strong=(
                r"(?:se ve|asoma|sale|salido|prolapso de|prolapso del) (?:el )?cordón",
                r"no (?:noto|siento) (?:\w+ )?(?:al|a mi) bebé",
                r"(?:bebé|niño|niña|feto) no se ha movido",
                r"bebé (?:\w+ )?(?:no se mueve|ha dejado de moverse|se mueve menos)",
            ),
            together=((PREGNANT_ES, ALARM_ES),),
        ),
    },
)
