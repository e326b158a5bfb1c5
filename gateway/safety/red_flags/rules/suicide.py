"""Suicidal intent or active self-harm."""

from gateway.safety.red_flags.rule import Rule, near, signs

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
            strong=(
                r"(?:mich|sich) (?:\w+ ){0,2}(?:umbringen|umzubringen|töten|erhängen|erschießen)",
                r"(?:mich|sich) selbst (?:zu )?verletzen",
                r"(?:bringe|bringt) (?:mich|sich) (?:\w+ ){0,2}um",
                r"(?:will|möchte|mag|wolle) (?:\w+ ){0,3}nicht mehr (?:leben|weiterleben|"
                r"aufwachen|da sein)",
                r"nicht mehr (?:weiter)?leben (?:will|möchte|mag|kann|wolle)",
                r"(?:will|möchte|wolle|würde) (?:einfach |nur |lieber |am liebsten )*(?:sterben|"
                r"tot sein)",
                r"(?:meinem|seinem|ihrem) leben ein ende",
                r"(?:mir|sich) das leben (?:zu )?nehmen",
                near(
                    r"suizid(?:plän\w*|absicht\w*|gedank\w*|al\w*)",
                    r"konkret\w*|äußert|akut\w*|tabletten|drängend\w*",
                ),
                r"(?:ist|bin|akut|hoch) suizidal",
                r"(?:will|möchte|kann) (?:\w+ ){0,4}nicht (?:länger|mehr) (?:belasten|"
                r"zur last fallen)",
                near(r"überlegt|geplant|plan", r"(?:es|alles) (?:zu )?(?:beenden|beende)"),
                near(r"abschiedsbrief", r"geschrieben|gefunden|hinterlassen"),
                r"(?:alle|andere|anderen|familie) (?:\w+ ){0,2}besser dran|"
                r"besser (?:\w+ )?ohne mich",
                near(
                    r"vor (?:den|einen) zug|von (?:der|einer) brücke|aus dem fenster|vom dach",
                    r"werfen|springen|stürzen",
                ),
                r"selbstmord (?:begehen|machen)",
                r"(?:ritzt|ritze) (?:sich|mich)",
            ),
            weak=(
                r"suizidgedanken",
                r"selbstmordgedanken",
                r"suizidversuch",
            ),
        ),
        "es": signs(
            strong=(
                r"(?:matarme|matarse|suicidarme|suicidarse)",
                r"(?:me voy a|me quiero|se va a|se quiere) (?:matar|suicidar)",
                r"(?:quitarme|quitarse) la vida",
                r"no (?:quiero|quiere) (?:seguir )?(?:vivir|viviendo)",
                r"(?:quiero|quiere|querría|quisiera) morir(?:me|se)?(?! (?:en|a) )",
                r"(?:acabar|terminar) con (?:mi vida|su vida|todo)",
                r"hacerme daño",
                r"(?:se corta|me corto) (?:los brazos|las muñecas|las venas)",
                near(
                    r"(?:ideación|ideas|pensamientos) suicidas?",
                    r"plan|concret\w+|pastillas|estructurad\w+",
                ),
                r"mejor sin mí",
                r"(?:quiere|quiero) estar muert[oa]",
                r"no quiero ser (?:más )?una carga",
                r"carta de despedida",
                r"tirarme (?:por|desde|al|a la|delante)",
            ),
            weak=(
                r"(?:ideación|ideas) suicidas?",
                r"pensamientos suicidas",
                r"intento de suicidio",
            ),
        ),
    },
)
