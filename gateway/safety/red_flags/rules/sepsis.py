"""Signs of sepsis or meningitis."""

from gateway.safety.red_flags.rule import FEVER, FEVER_DE, FEVER_ES, Rule, near, signs

STIFF = (
    r"(?:stiff|rigid) neck|neck (?:\w+ ){0,3}(?:stiff|rigid)\w*|neck stiffness|nuchal rigidity|"
    r"kernig\w*|meningism\w*"
)
RASH = (
    r"(?:purple|non-?blanching|mottled|petechial|purpuric) (?:\w+ )?(?:rash|spots|skin)|"
    r"rash (?:\w+ ){0,3}(?:doesn't|does not|won't|not) (?:\w+ )?(?:fade|blanch|disappear|go away)|"
    r"petechia\w*|purpura"
)
ILL = (
    r"confus\w+|delirious|hypotens\w+|very sleepy|hard to (?:wake|rouse)|drowsy|lactate|mottled|"
    r"(?:bp|blood pressure) (?:\w+ ){0,2}[5-8]\d ?/ ?\d+|sbp [5-8]\d|clammy|not making sense|"
    r"passing (?:no|hardly any|little) urine"
)

STIFF_DE = (
    r"nackensteifigkeit|(?:steif\w*|starr\w*) nacken|nackensteif\w*|"
    r"nacken (?:\w+ ){0,3}steif|meningismus"
)
RASH_DE = r"petechi\w*|purpura|nicht wegdrückbar\w*|marmoriert\w*|" + near(
    r"flecken|punkte|ausschlag", r"nicht (?:verschwinden|verblassen|weg\w*)"
)
ILL_DE = (
    r"verwirrt\w*|delirant|hypotoni\w*|hypotensi\w*|laktat|(?:kaum|schlecht) ansprechbar|somnolent|"
    r"schläfrig|(?:redet|spricht) (?:\w+ )?(?:durcheinander|wirr)|(?:rr|"
    r"blutdruck) (?:\w+ ){0,2}[5-8]\d ?/ ?\d+"
)
STIFF_ES = (
    r"(?:cuello|nuca) (?:\w+ ){0,2}rígid[oa]|rigidez (?:de nuca|nucal)|meningismo|"
    r"signos meníngeos"
)
RASH_ES = r"petequias?|púrpura|" + near(r"manchas|puntos|erupción", r"no (?:desaparec\w+|se van)")
ILL_ES = (
    r"confus[oa]|desorient\w+|hipotens\w+|somnolient\w+|lactato|apenas responde|piel moteada|"
    r"incoherencias|tirita|"
    r"(?:ta|tensión) (?:\w+ )?[5-8]\d ?/ ?\d+"
)

RULE = Rule(
    id="MED108",
    summary="Signs of sepsis or meningitis",
    message=("The text may describe signs of sepsis or meningitis: call {contact} at once."),
    signs={
        "en": signs(
            strong=(
                r"(?:septic shock|(?:suspected|possible|likely|query) (?:\w+ )?"
                r"(?:sepsis|meningitis|meningococc\w+))",
                r"rash (?:\w+ ){0,3}(?:doesn't|does not|won't) (?:\w+ )?(?:fade|blanch|disappear)",
                r"non-?blanching (?:\w+ )?rash",
            ),
            together=(
                (FEVER, f"{STIFF}|{RASH}|{ILL}"),
                (STIFF, r"photophobia|light hurts|severe headache|terrible headache|vomit\w+"),
            ),
        ),
        "de": signs(
            strong=(
                r"septische\w? schock",
                r"(?:verdacht auf|v\. ?a\.) (?:\w+ )?(?:uro)?(?:sepsis|meningitis)",
            ),
            together=(
                (FEVER_DE, f"{STIFF_DE}|{RASH_DE}|{ILL_DE}"),
                (STIFF_DE, r"lichtscheu|lichtempfindlich\w*|photophobie|kopfschmerzen|erbrechen"),
            ),
        ),
        "es": signs(
            strong=(
                r"shock séptico",
                r"(?:sospecha de|posible|probable) (?:\w+ )?(?:sepsis|meningitis)",
            ),
            together=(
                (FEVER_ES, f"{STIFF_ES}|{RASH_ES}|{ILL_ES}"),
                (STIFF_ES, r"fotofobia|cefalea|dolor de cabeza|vómitos"),
            ),
        ),
    },
)
