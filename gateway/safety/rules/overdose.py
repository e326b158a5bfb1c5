"""Overdose and poisoning."""

from gateway.safety.rule import BETWEEN, Rule, near, signs

TOOK = r"(?:took|taken|swallow(?:ed|ing)|ate|eaten|ingested|downed|popped|drank|drunk|overdosed on)"
# A dose in units of weight is a prescription, a count of pills is not.
MANY = (
    r"(?:(?:1[2-9]|[2-9]\d|\d{3})(?! ?(?:mg|mcg|g|ml|units?|iu|times|minutes|hours|days|weeks|"
    r"years|%|\.\d))|(?:a|the) (?:whole|full|entire)|(?:whole|full|entire)|handfuls?|bottles?|"
    r"box(?:es)?|pack(?:et)?s?|too many|way too much|all (?:of )?(?:my|his|her|the)|dozens?|"
    r"fifteen|twenty|thirty|forty|fifty)"
)
DRUG = (
    r"(?:pills?|tablets?|tabs?|capsules?|paracetamols?|acetaminophen|tylenol|ibuprofen|aspirin|"
    r"meds|medications?|medicine|antidepressants?|sleeping|\w+(?:cet|done|pam|lam|line|codone)|"
    r"opioids?|metformin|insulin|propranolol|digoxin|amitriptyline|benadryl|vitamins|iron)"
)
POISON = (
    r"(?:bleach|detergent|cleaner|button battery|batter(?:y|ies)|magnets?|antifreeze|pesticides?|"
    r"insecticide|weed ?killer|rat poison|poison|poisonous \w+|berries|"
    r"(?:wild|unknown|garden|magic) mushrooms?|mushrooms? (?:we|i|he|she|from)|"
    r"nail polish|lamp oil|gasoline|petrol|turpentine|methanol|white spirit|e-liquid|nicotine|"
    r"edibles?|gumm(?:y|ies)|dishwasher|laundry pods?|paraquat|organophosphate\w*)"
)
CHILD = (
    r"(?:toddler|baby|child|son|daughter|kid|grandson|granddaughter|boy|girl|infant|"
    r"(?:year|month|yr)[- ]old|yo)"
)
INGEST = (
    r"(?:swallow\w*|ate|eaten|eating|ingest\w+|drank|drunk|drinking|got into|chewed|licked|inhaled)"
)

RULE = Rule(
    id="MED105",
    summary="Overdose or poisoning",
    message=(
        "The text may describe an overdose or poisoning: call {contact} or a poison centre at once,"
        " even without symptoms."
    ),
    signs={
        "en": signs(
            (
                "overdos",
                "took",
                "taken",
                "swallow",
                "ate",
                "eaten",
                "ingest",
                "downed",
                "popped",
                "drank",
                "drunk",
                "drinking",
                "eating",
                "got into",
                "chewed",
                "licked",
                "inhaled",
                "poison",
                "carbon monoxide",
                "pinpoint",
            ),
            strong=(
                rf"{TOOK} (?:\w+ ){{0,4}}?{MANY}{BETWEEN}{DRUG}",
                rf"{TOOK} (?:\w+ ){{0,3}}{MANY} {DRUG}",
                rf"{INGEST}{BETWEEN}{POISON}",
                rf"{CHILD}{BETWEEN}{INGEST}{BETWEEN}{DRUG}",
                r"(?:suspected|deliberate|intentional|accidental|possible|massive|acute|mixed) "
                r"(?:\w+ )?(?:overdose|poisoning|ingestion)",
                r"(?:taken|took|taking) an? (?:\w+ )?overdose",
                r"(?:has|have|i|he|she|just|i've) overdosed",
                near(r"pinpoint pupils", r"drows\w+|unrespons\w+|rr|respirat\w+|breathing|rouse"),
                near(r"carbon monoxide", r"alarm|headaches?|dizzy|exposure|poisoning"),
                near(r"overdos\w+", r"unrespons\w+|not breathing|won't wake|drowsy|naloxone now"),
            ),
            weak=(r"overdosing", r"poisoned"),
        ),
        "de": signs(
            ("überdosis", "tabletten", "geschluckt", "getrunken", "vergift", "eingenommen"),
            strong=(
                r"(?:\d{2,3}|viele|alle|eine packung|eine ganze packung|zu viele) (?:\w+ ){0,2}"
                r"tabletten (?:\w+ )?(?:geschluckt|genommen|eingenommen)",
                near(r"geschluckt|getrunken", r"reiniger|bleiche|knopfbatterie|putzmittel|gift"),
                r"(?:hat|habe) (?:\w+ )?(?:eine )?überdosis",
            ),
            weak=(r"vergiftet", r"überdosis"),
        ),
        "es": signs(
            ("sobredosis", "pastillas", "tragado", "tragó", "bebido", "bebió", "envenen", "lejía"),
            strong=(
                r"(?:tomado|tomó|tomé|tragado|tragó) (?:\w+ ){0,3}(?:\d{2,3}|muchas|todas las|"
                r"un frasco de|una caja de) (?:\w+ )?pastillas",
                near(r"tragado|tragó|bebido|bebió", r"lejía|detergente|pila|veneno|limpiador"),
                r"(?:tomado|tomó) una sobredosis",
            ),
            weak=(r"sobredosis", r"envenenad[oa]"),
        ),
    },
)
