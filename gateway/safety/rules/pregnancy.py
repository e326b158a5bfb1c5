"""Emergencies of pregnancy and childbirth."""

from gateway.safety.rule import Rule, signs

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

RULE = Rule(
    id="MED109",
    summary="Emergency in pregnancy",
    message=(
        "The text may describe an emergency in pregnancy: call {contact} or the maternity unit now."
    ),
    signs={
        "en": signs(
            (
                "pregnan",
                "gravid",
                "gestation",
                "trimester",
                "postpartum",
                "birth",
                "weeks",
                "wks",
                "baby",
                "fetal",
                "foetal",
                "cord",
                "ectopic",
                "g1p",
                "g2p",
                "g3p",
                "g4p",
                "g5p",
            ),
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
        )
    },
)
