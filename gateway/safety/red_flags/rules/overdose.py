"""Overdose and poisoning."""

from gateway.safety.red_flags.rule import BETWEEN, Rule, near, signs

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

MANY_DE = (
    r"(?:(?:1[2-9]|[2-9]\d|\d{3})(?! ?(?:mg|ml|µg|g|ie|tropfen|uhr|jahre|mal|stunden|minuten|%))|"
    r"viele|alle|(?:ganze|gesamte)[nr]? (?:packung|schachtel|flasche|woche|dose)|packungen|"
    r"handvoll|zwanzig|dreißig|vierzig)"
)
DRUG_DE = (
    r"(?:\w*tabletten|pillen|kapseln|paracetamol|ibuprofen|aspirin|insulin|schlafmittel\w*|"
    r"medikamente\w*|\w+(?:pam|lam|tylin))"
)
TOOK_DE = r"(?:geschluckt|genommen|eingenommen|verschluckt|gegessen|intus)"
POISON_DE = (
    r"(?:\w*reiniger|bleiche|knopfbatterien?|knopfzellen?|putzmittel|spülmittel|waschmittel|"
    r"\w*gift|lampenöl|"
    r"frostschutz\w*|benzin|pilze|beeren|nikotin\w*|lauge|säure|tollkirschen?)"
)
MANY_ES = (
    r"(?:(?:1[2-9]|[2-9]\d|\d{3})(?! ?(?:mg|ml|g|ui|gotas|horas|minutos|años|veces|%))|muchas|"
    r"todas las|(?:un|el) frasco|(?:una|la) caja(?: entera)?|un montón de|demasiadas)"
)
DRUG_ES = (
    r"(?:pastillas|comprimidos|tabletas|cápsulas|paracetamol|ibuprofeno|medicación|"
    r"antidepresivos|somníferos|\w+(?:pam|lam|tilina))"
)
TOOK_ES = r"(?:tomado|tomó|tomé|tragado|tragó|ingerido|ingirió|ingesta|comido)"
POISON_ES = (
    r"(?:lejía|detergente|pila(?: de botón)?|veneno|limpiador|desatascador|raticida|amoniaco|"
    r"gasolina|anticongelante|insecticida|salfumán|setas)"
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
            strong=(
                rf"{MANY_DE}{BETWEEN}{DRUG_DE}{BETWEEN}{TOOK_DE}",
                rf"{DRUG_DE}{BETWEEN}{MANY_DE}{BETWEEN}{TOOK_DE}",
                rf"einnahme von (?:ca\.? |etwa |rund )?{MANY_DE}{BETWEEN}{DRUG_DE}",
                near(r"geschluckt|getrunken|gegessen|verschluckt|geleckt", POISON_DE),
                r"aus versehen (?:\w+ ){0,5}(?:genommen|eingenommen|gespritzt|geschluckt)",
                rf"(?:doppelte|dreifache|vierfache|zehnfache|viel zu hohe) (?:dosis|"
                rf"menge){BETWEEN}(?:gespritzt|genommen|gegeben|eingenommen)",
                near(r"heroin|fentanyl|methadon", r"atmet|bewusstlos|blau|ansprechbar"),
                r"(?:hat|habe|nach) (?:\w+ ){0,2}(?:einer? )?überdosis (?:genommen|eingenommen|"
                r"geschluckt)",
                near(r"kohlenmonoxid", r"alarm|kopfschmerzen|schwind\w*|vergiftung"),
            ),
            weak=(
                r"vergiftet",
                r"überdosis",
            ),
        ),
        "es": signs(
            strong=(
                rf"{TOOK_ES}{BETWEEN}{MANY_ES}{BETWEEN}{DRUG_ES}",
                rf"{TOOK_ES}{BETWEEN}{MANY_ES} {DRUG_ES}",
                rf"{TOOK_ES}{BETWEEN}{DRUG_ES}{BETWEEN}(?:toda la semana|de golpe|todas)",
                near(r"tragado|tragó|bebido|bebió|comido|chupado", POISON_ES),
                r"(?:tomado|tomé|tomó) (?:por error )?(?:dos veces|el doble)",
                rf"inyect\w+{BETWEEN}(?:el (?:doble|triple)|demasiad[ao]){BETWEEN}insulina",
                near(r"heroína|fentanilo|metadona", r"respira|inconsciente|azul|no despierta"),
                r"(?:tomado|tomó|sufrido) una sobredosis",
            ),
            weak=(
                r"sobredosis",
                r"(?:envenenad|intoxicad)[oa]",
            ),
        ),
    },
)
