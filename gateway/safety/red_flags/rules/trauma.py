"""Major injury: crash, fall from a height, stab, shot, current, amputation."""

from gateway.safety.red_flags.rule import Rule, near, signs

CRASH = r"(?:car|bus|train|motorbike|motorcycle|head-on|road) (?:\w+ )?(?:crash|accident|collision)"
HURT = r"trapped|unconscious|(?:badly|really|seriously|severely) (?:injured|hurt)|ejected|crushed"

RULE = Rule(
    id="MED114",
    summary="Major injury",
    message="The text may describe a major injury: call {contact} at once.",
    signs={
        "en": signs(
            strong=(
                r"bones? (?:\w+ ){0,4}(?:sticking|poking|coming) out",
                r"(?:been|got|was|is|were|i'm) (?:just )?(?:stabbed|shot|electrocuted|impaled)"
                r"(?! (?:at|of|in (?:19|20)\d\d))",
                r"(?:gunshot|stab) wounds?",
                r"(?:finger|hand|toe|foot|arm|leg|thumb)s? (?:\w+ ){0,3}"
                r"(?:cut|ripped|torn|chopped) off",
                r"traumatic amputation",
                near(
                    r"(?:fell|fall) (?:\w+ ){0,2}(?:off|from|down)",
                    r"can't move|not moving|unconscious|confused|neck|can't feel",
                ),
            ),
            together=((rf"{CRASH}|crash|collided", HURT),),
        ),
        "de": signs(
            strong=(
                near(
                    r"gefallen|gestürzt|abgestürzt",
                    r"nicht (?:mehr )?bewegen|bewusstlos|gerüst|dach|balkon|pferd|aus dem fenster|"
                    r"verwirrt|benommen",
                ),
                near(
                    r"\w*unfall|angefahren|überfahren",
                    r"eingeklemmt|(?:schwer|lebensgefährlich) verletzt|bewusstlos|gebrochen|"
                    r"knochen",
                ),
                r"(?:sieht|sehe) (?:man )?(?:den|einen|schon den) knochen|offen\w* (?:gebrochen|"
                r"bruch|fraktur)",
                near(
                    r"gestochen|messer\w*",
                    r"(?:den|die|meinen|seinen|ihren) (?:bauch|brust|rücken|hals)",
                ),
                r"(?:messerstich|stichwunde|stichverletzung|schusswunde|schussverletzung)\w*|"
                r"angeschossen|schuss in (?:den|die|das)",
                r"(?:finger|hand|arm|bein|daumen|zehen?) (?:\w+ ){0,2}(?:abgetrennt|abgesägt|"
                r"abgehackt|abgerissen)",
                r"stromschlag|stromunfall",
            ),
        ),
        "es": signs(
            strong=(
                near(
                    r"caíd[oa]|cayó|caí",
                    r"no (?:puede|puedo) mover\w*|inconsciente|caballo|andamio|tejado|balcón|"
                    r"confus[oa]",
                ),
                near(
                    r"accidente|choque|atropell\w+",
                    r"atrapad[oa]|malherid[oa]|gravemente herid[oa]|inconsciente|hueso",
                ),
                r"apuñal\w+|puñaladas?|heridas? de bala|arma blanca|tirotead[oa]|disparado en",
                r"se (?:le |me )?ve (?:el )?hueso|fractura abierta",
                r"(?:amputad|arrancad|seccionad)o (?:\w+ ){0,2}(?:dedos?|mano|brazo|pierna|pie)",
                r"cortado (?:\w+ ){0,2}(?:dos|tres|cuatro|varios|los) dedos",
                near(
                    r"descarga eléctrica|electrocut\w+",
                    r"quemaduras?|inconsciente|conocimiento|enchufe",
                ),
            ),
        ),
    },
)
