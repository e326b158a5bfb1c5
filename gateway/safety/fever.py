"""How a fever is written; shared by the rules that need one."""

# One of these stands in every match.
FEVER_WORDS = (
    "fever",
    "febrile",
    "pyrexi",
    *("t 3", "t3", "t 4", "t4", "temp", "t:", "t=", "t is", "t of", "t was", "t at"),
    *(f"{degrees}{mark}" for degrees in range(38, 43) for mark in ".,"),
    *(f"10{degree}" for degree in range(1, 7)),
)

FEVER = (
    r"fevers?|feverish|febrile|pyrexi\w*|"
    r"t(?:emp(?:erature)?)?(?: is| of| was| at|=|:)* ?(?:3[89]|4[0-2])(?:[.,]\d)?|"
    r"(?:3[89]|4[0-2])[.,]\d ?(?:°|c|degrees)|10[1-6](?:\.\d)? ?(?:°|f|degrees)"
)

FEVER_DE = (
    r"\w*fieber\w*|febril\w*|t(?:emp(?:eratur)?)? ?(?:3[89]|4[0-2])(?:[.,]\d)?|"
    r"(?:3[89]|4[0-2])[.,]\d ?(?:°|grad)|thermometer (?:\w+ ){0,2}(?:3[89]|4[0-2])[.,]\d"
)
FEVER_ES = (
    r"fiebre|febril|temperatura de (?:3[89]|4[0-2])|(?:3[89]|4[0-2])[.,]\d ?(?:°|grados)|"
    r"termómetro (?:\w+ ){0,2}(?:3[89]|4[0-2])[.,]\d"
)
