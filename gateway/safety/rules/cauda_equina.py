"""Cauda equina: numb saddle, lost bladder or bowel, with a bad back."""

from gateway.safety.rule import Rule, near, signs

SADDLE = (
    r"between (?:my|his|her|the) legs|groin|genitals?|private parts|buttocks?|perine\w+|anus|"
    r"inner thighs|when (?:i|he|she) wipes?"
)
BACK = r"back pain|back|sciatica|dis[ck] (?:prolapse|herniation)|slipped dis[ck]|spin(?:e|al)"
BLADDER = (
    r"(?:can't|cannot|unable to|couldn't) (?:\w+ )?(?:pee|urinate|pass (?:urine|water)|"
    r"control (?:my|his|her) (?:bladder|bowels?)|feel (?:my|his|her) bladder)|urinary retention|"
    r"incontinen\w+|lost control of (?:my|his|her) (?:bladder|bowels?)|"
    r"(?:wet|wetting|soiled|soiling) (?:my|him|her)self"
)

RULE = Rule(
    id="MED112",
    summary="Possible pressure on the spinal nerves",
    message=(
        "The text may describe pressure on the nerves of the lower spine: call {contact} or go to "
        "an emergency department today."
    ),
    signs={
        "en": signs(
            (
                "back",
                "sciatica",
                "disc",
                "disk",
                "spin",
                "saddle",
                "numb",
                "cauda",
                "pee",
                "urin",
                "bladder",
                "incontinen",
                "feel",
                "wet",
                "soil",
            ),
            strong=(
                r"saddle (?:an?a?esthesia|numbness|area numb\w*)",
                near(r"numb\w*|lost (?:all )?feeling|no feeling|can't feel", SADDLE),
            ),
            weak=(r"cauda equina",),
            together=((BACK, BLADDER),),
        )
    },
)
