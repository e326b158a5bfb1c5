"""How a fever is written; shared by the rules that need one."""

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
