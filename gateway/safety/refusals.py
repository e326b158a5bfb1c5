"""Recognition of an answer that begins as a refusal, in English, German, Spanish and French.

It serves a metric that shows drift, and no decision; docs/monitoring.md has its error rates.
"""

import re
from typing import Final, Literal, get_args

Beginning = Literal["refusal", "answer"]
BEGINNINGS: Final[tuple[Beginning, ...]] = get_args(Beginning)
HEAD: Final = 300  # characters: a refusal comes first
HELP_EN: Final = (
    r"(?:help|assist|comply|provide|give|offer|answer|respond|recommend|advise|prescribe|diagnose|"
    r"discuss|share|write|support|fulfil|create|engage|continue|tell you|do that|make)"
)
HELP_DE: Final = (
    r"(?:helfen|weiterhelfen|unterstützen|beantworten|geben|nennen|anbieten|empfehlen|beraten|"
    r"verschreiben|diagnostizieren|stellen|nachkommen|entsprechen|bereitstellen|machen|schreiben|"
    r"besprechen)"
)
HELP_ES: Final = (
    r"(?:ayudar|asistir|proporcionar|dar|ofrecer|responder|contestar|recomendar|aconsejar|recetar|"
    r"prescribir|diagnosticar|hablar|escribir|cumplir|indicar|facilitar|decir)"
)
HELP_FR: Final = (
    r"(?:aider|assister|fournir|donner|offrir|répondre|recommander|conseiller|prescrire|"
    r"diagnostiquer|discuter|écrire|accéder|proposer|poser|dire|traiter)"
)
DECLINES: Final = (
    r"i(?:'m| am)? (?:really |just |simply |still |therefore |also )?"
    r"(?:can(?:no|')t|can not|won't|will not|must not|unable to|refuse to)"
    rf"(?: directly| safely| ethically| really| in good conscience)? {HELP_EN}",
    r"i(?:'m| am) not (?:able|allowed|permitted|qualified|authori[sz]ed|comfortable|licensed)\b",
    r"i (?:must|have to|need to|will|would) (?:respectfully |politely )?(?:decline|refuse)\b",
    r"(?:not something|nothing) (?:that )?i(?:'m able to| can| am able to) (?:help|assist|do)",
    r"(?:against|outside|beyond) (?:my|the) (?:guidelines|polic(?:y|ies)|scope|programming)\b",
    r"(?:kann|darf|werde|möchte)(?:\s\w+){0,6}? (?:nicht|kein\w*)"
    rf"(?:\s\w+){{0,5}}? {HELP_DE}\b",
    r"ich (?:bin|sehe mich) (?:leider )?(?:nicht (?:in der lage|befugt|berechtigt|qualifiziert)|"
    r"außerstande)",
    r"(?:diese|ihre|deine) (?:anfrage|bitte|frage) (?:kann|muss|möchte) ich (?:leider )?"
    r"(?:nicht|ablehnen)",
    r"ich (?:muss|möchte) (?:\w+ ){0,4}ablehnen",
    rf"no (?:puedo|podré|debo|me es posible|es posible para mí)(?: \w+)? {HELP_ES}",
    r"no (?:estoy|me encuentro) (?:capacitad|autorizad|cualificad|calificad|en condiciones)",
    r"(?:debo|tengo que) (?:rechazar|negarme|declinar)",
    r"je ne (?:peux|puis|pourrai|dois)(?: malheureusement)? pas "
    rf"(?:\w+ ){{0,2}}?{HELP_FR}",
    r"je ne suis pas (?:en mesure|autorisé|habilité|qualifié|capable)",
    r"je (?:dois|préfère) (?:décliner|refuser)",
    r"il m'est impossible d",
)
REFUSAL: Final = re.compile(rf"\W(?:{'|'.join(DECLINES)})")  # quicker than `\b` in each
# Every refusal contains one of these; looking for them takes a fifth of the time of the pattern.
MARKERS: Final = (
    *("cannot", "can't", "can not", "won't", "will not", "must not", "unable to", "am not "),
    *("'m not ", "refuse", "decline", "nothing", "not something", "guidelines", "polic", "scope"),
    *("programming", "nicht", "kein", "außerstande", "ablehnen", "no puedo", "no podré"),
    *("no debo", "no me ", "no es ", "no estoy", "rechazar", "negarme", "declinar", "je ne "),
    *("décliner", "impossible"),
)


def classify(text: str) -> Beginning:
    """Classify the beginning of an answer."""
    head = f" {text[:HEAD]}".lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    is_refusal = any(map(head.__contains__, MARKERS)) and REFUSAL.search(head)
    return "refusal" if is_refusal else "answer"
