"""Suicidal intent or active self-harm."""

from gateway.safety.rule import Rule, near, signs

SELF = r"(?:my|him|her|them)sel(?:f|ves)"
INTENT = (
    r"(?:going to|want(?:s|ed)? to|gonna|will|plan(?:s|ning)? (?:to|on)|thinking (?:of|about)|"
    r"thoughts? (?:of|about)|tempted to|urges? to|threaten\w* to|ready to|about to|how to|"
    r"keep thinking (?:of|about)|considering)"
)
LEAVE_OUT = (
    r"(?! (?:at home|in (?:peace|hospice|his|her|my)|of \w+|with dignity|peacefully|to know))"
)

RULE = Rule(
    id="MED104",
    summary="Thoughts of suicide or self-harm",
    message=(
        "The text may speak of suicide or self-harm: stay with the person and call {contact} or a "
        "crisis line now."
    ),
    signs={
        "en": signs(
            (
                "kill",
                "suicid",
                "life",
                "end it",
                "die",
                "dead",
                "alive",
                "live",
                "myself",
                "himself",
                "herself",
                "themsel",
                "better off",
                "jump",
                "exist",
                "wake up",
            ),
            strong=(
                rf"kill(?:ing)? {SELF}",
                rf"{INTENT} (?:\w+ )?(?:hang|shoot|drown|stab|poison|hurt|harm|cut)(?:t?ing)? "
                rf"{SELF}",
                rf"(?:hang|hanging|shoot|drown|stab) {SELF}",
                r"(?:end|ending|take|taking) (?:my|his|her|their) (?:own )?life",
                r"end(?:ing)? it all",
                r"want (?:it|this|everything) (?:all )?to (?:end|be over)",
                r"(?:don't|do not|doesn't|does not|didn't|not|no longer) want(?:s|ed|ing)? to "
                r"(?:be alive|be here any ?more|wake up|exist|go on living|live any ?more)",
                r"(?:don't|do not|doesn't|no longer) wants? to live(?! (?:in|at|near|with|alone))",
                rf"wants? to (?:die|be dead){LEAVE_OUT}",
                r"wish(?:es|ed)? (?:i|he|she|they) (?:was|were|am|would) (?:dead|die)",
                r"better off (?:dead|without (?:me|him|her))",
                r"(?:rather|better) (?:be )?dead",
                r"(?:no reason|nothing left|no point) (?:to|in|for) (?:live|living|go on|going on)",
                r"nothing to live for",
                r"(?:i'm|i am|is|he's|she's|feel|feels|feeling|actively|acutely) "
                r"(?:\w+ )?suicidal(?! thoughts)",
                r"(?:active|current|ongoing|acute|strong) suicidal",
                near(r"suicid\w+", r"with (?:a |clear )?(?:plan|intent|means)|rope|gun|pills"),
                r"suicide note",
                rf"{INTENT} (?:commit )?suicide",
                rf"{INTENT} jump(?:ing)?(?: off| from| in front|$|[.,!])",
                r"jump(?:ing)? (?:off|from|in front of) (?:a |the )?(?:bridge|roof|building|train)",
            ),
            weak=(r"suicidal (?:ideation|thoughts|intent)", r"suicide attempt"),
        ),
        "de": signs(
            ("umbringen", "leben", "suizid", "selbstmord", "sterben", "tot", "verletzen"),
            strong=(
                r"(?:mich|sich) (?:selbst )?(?:um(?:zu)?bringen|töten|erhängen|verletzen)",
                r"(?:bringe|bringt) (?:mich|sich) (?:\w+ )?um",
                r"(?:nicht|nicht mehr) (?:mehr )?(?:leben|weiterleben)(?: will| möchte)?",
                r"(?:will|möchte) (?:nicht mehr leben|sterben|tot sein)",
                r"(?:meinem|seinem|ihrem) leben ein ende",
                r"(?:akut )?suizidal\w*",
                r"selbstmord (?:begehen|machen)",
            ),
            weak=(r"suizidgedanken", r"selbstmordgedanken"),
        ),
        "es": signs(
            ("matar", "suicid", "vida", "vivir", "morir", "daño"),
            strong=(
                r"(?:matarme|matarse|suicidarme|suicidarse)",
                r"me (?:voy a|quiero) matar",
                r"(?:quitarme|quitarse) la vida",
                r"no (?:quiero|quiere) (?:seguir )?(?:vivir|viviendo)",
                r"(?:quiero|quiere|querría) morir(?:me|se)?",
                r"acabar con mi vida",
                r"hacerme daño",
            ),
            weak=(r"ideación suicida", r"pensamientos suicidas"),
        ),
    },
)
