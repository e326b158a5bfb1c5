"""English triggers; the classes and most terms follow NegEx and ConText."""

from gateway.safety.red_flags.triggers import Triggers, words

NUMBER = r"(?:\d+|one|two|three|four|five|six|several|a few|few|brief|short|an?)"
UNIT = r"(?:minutes?|mins?|hours?|hrs?|h|days?|d|weeks?|wks?)"
SUBJECT = r"(?:i|he|she|they|it|my|his|her|we|there|now|has|have|is)(?:'\w+)?"
ELDER = (
    r"(?:father|mother|dad|mum|mom|brother|sister|uncle|aunt|aunty|auntie|parents?|cousin|"
    r"relatives?|grand(?:father|mother|ma|pa|dad|mum|parents?)|nan|gran|granddad|twin)"
)

TRIGGERS = Triggers(
    pseudo=words(
        r"not only",
        r"no (?:\w+ )?(?:relief|improvement|better|response|doubt|idea|change|longer|matter)",
        r"not (?:\w+ )?(?:improving|better|responding|sure|working|helping|stopping|settling)",
        r"(?:isn't|aren't|doesn't|don't|didn't|hasn't|haven't) (?:\w+ )?"
        r"(?:improv\w+|better|respond\w*|know|work\w*|help\w*|stop\w*|settl\w+|think)",
        r"no (?:known |significant |relevant |other |past |previous |prior )*"
        r"(?:drug |food )?(?:allerg\w+|medical history|pmh\w*|medications?|meds|comorbidit\w+)",
        r"without (?:warning|help|relief|any warning)",
        r"not (?:be )?(?:ruled out|excluded)",
        r"no,",
        NUMBER + r"[- ]" + UNIT + r"(?:'s?)? (?:history|hx|h/o)(?: of)?",
        r"(?:for|over|in|during|within) (?:about )?the (?:past|last) (?:" + NUMBER + r" )?" + UNIT,
        r"history (?:obtained|from|given|limited)",
    ),
    stop=words(
        r"but",
        r"however",
        r"except",
        r"although",
        r"though",
        r"yet",
        r"(?<!not )(?<!no )(?<!denies )(?<!currently )(?:now|currently)",
        r"present(?:s|ed|ing)(?: with)?",
        r"(?:complain\w*|report(?:s|ed|ing)|c/o|develop(?:ed|s)|who|which|because|due to)",
    ),
    turn=words(
        r"but",
        r"however",
        r"(?:al)?though",
        r"yet",
        r"(?<!not )(?<!no )(?:now|currently)",
    ),
    clause=words(r"(?:,|:|and|so|then|-|--)\s*(?:and |then |so )?" + SUBJECT + r"\b"),
    negated_before=words(
        r"no",
        r"nor",
        r"neither",
        r"none",
        r"without",
        r"den(?:y|ies|ied|ying)",
        r"negative for",
        r"(?:free|clear) of",
        r"absence of",
        r"absent",
        r"rul(?:e|es|ed|ing) out",
        r"lacks",
        r"unlikely",
        r"(?:does|did|do) not (?:have|report|describe)",
    ),
    negated_verb=words(
        r"not",
        r"never",
        r"(?:is|are|was|were|do|does|did|have|has|had|ai)n't",
        r"stopped",
    ),
    negated_after=words(
        r"(?:was |were |is |are |has been |have been )?(?<!not )(?<!not been )"
        r"(?:ruled out|excluded|absent|negative|denied|unlikely)",
        r"[:=-]? ?(?:no|none|nil|negative|absent|denied|denies)(?=[\s.;,]*$|,)",
        r"[- ]free",
    ),
    history_before=words(
        r"history",
        r"h/o",
        r"hx",
        r"pmhx?",
        r"previous(?:ly)?",
        r"prior",
        r"past",
        r"s/p",
        r"status post",
        r"used to (?:have|get)",
        r"recover(?:ed|ing|y) from",
        r"treated for",
        r"surviv(?:ed|or of)",
        r"chronic",
        r"long-?standing",
        r"known",
        r"following (?:a|an|my|his|her)",
        r"after (?:a|an|my|his|her)",
        r"since (?:the|my|his|her)",
    ),
    past_time=words(
        r"(?:years?|months?|decades?|weeks) ago",
        r"last (?:year|month|summer|winter|spring|autumn|fall)",
        r"(?:in|since|during) (?:19|20)\d\d",
        r"(?:19|20)\d\d",
        r"as a (?:child|kid|teenager|toddler|baby|young)",
        r"in (?:childhood|infancy|the past)",
        r"when (?:i|he|she) was",
        r"years back",
        r"for (?:\w+ ){0,3}years",
    ),
    resolved_after=words(
        r"(?<!not )(?<!n't )(?<!never )(?:resolved|settled|subsided|stopped|recovered|healed)",
        r"(?:went|gone|has gone|goes) away",
        r"(?:is|are|has|it's) (?:now |all |completely )?gone",
        r"(?:is|are|much|fully|all|feels?|feeling) better(?: now)?",
        r"no longer",
        r"has passed",
    ),
    family_before=words(
        r"family (?:\w+ )?history",
        r"fhx?",
        r"familial",
        ELDER + r"(?:'s)?(?: \w+){0,2}? (?:had|died|dies|passed|suffered|has a history)",
    ),
    family_after=words(
        r"in (?:the|my|his|her|their|our) (?:family|" + ELDER[3:-1] + r")",
        r"runs? in",
    ),
    recent=words(
        r"today",
        r"tonight",
        r"this (?:morning|afternoon|evening)",
        r"(?:right|just) now",
        r"now",
        r"at the moment",
        r"(?:minutes?|mins?|hours?|hrs?) ago",
        r"half an hour",
        r"last night",
        r"yesterday",
        r"since (?:this|last night|yesterday|\d)",
        r"sudden(?:ly)?",
        r"started",
        r"ongoing",
        r"still",
        r"what (?:do|should) (?:i|we) do",
    ),
    general=words(
        r"(?:if|when|whenever|in case|should|whether) (?:\w+ )?"
        r"(?:someone|somebody|anyone|anybody|people|patients|you|one|they|a|an|the patient)",
        r"return (?:\w+ )*if",
        r"(?:monitor|watch|screen|screened|screening|look|check|assess|ask|asking) "
        r"(?:\w+ )?(?:for|about)",
        r"risks? (?:factors? )?(?:of|for)",
        r"prevent\w*",
        r"avoid\w*",
        r"(?:can|may|could|might) (?:\w+ )?(?:cause|lead to|trigger|result in)",
        r"causes? of",
        r"side effects?",
        r"differential(?: diagnosis)?",
        r"guidelines?",
        r"prophyla\w+",
        r"(?:lecture|essay|exam|quiz|poster|leaflet|article|novel|story|course|training|teaching)",
        r"(?:study|studying|studied|revising|thesis|paper|trial|presentation on|research)",
        r"(?:definition|mechanism|pathophysiology|epidemiology|incidence|prevalence) of",
        r"(?:afraid|scared|fear|frightened) (?:of|that)",
        r"example",
        r"policy",
    ),
    topic=words(
        r"^[\s\"'(*-]*(?:please |could you |can you |would you |hi,? |hello,? |question: )*"
        r"(?:what|what's|which|why|how|when|who|where|explain|describe|define|list|summari[sz]e|"
        r"compare|discuss|outline|write|draft|translate|tell me|give me|create|generate|make|"
        r"is|are|does|do|did|can|could|should|would|will|may|review|interpret|name|provide|"
        r"difference|overview|mode|mechanism|management|treatment|pathophysiology|i need an?|"
        r"(?:i'm|i am) (?:writing|studying|preparing|teaching))",
    ),
    person=words(
        r"(?<!do )(?<!can )(?<!should )(?<!could )(?<!would )(?<!may )(?<!must )i(?:'m|'ve|'d)?",
        r"my",
        r"our",
        r"(?:he|she)(?:'s)?",
        r"his",
        r"her",
        r"him",
        r"(?:my|him|her)self",
        r"(?:this|the|our|a|my) (?:patient|man|woman|lady|gentleman|boy|girl)",
        r"(?:patient|pt|man|woman|male|female|boy|girl|gentleman|lady|infant|neonate)"
        r"(?: is| has| with| presents?\w*| who| reports?| found| developed| was)",
        r"\d{1,3}[- ]?(?:year|month|week|day|yr|wk)s?[- ]?olds?",
        r"\d{1,3} ?(?:yo|y/o|m|f|yom|yof)",
        r"(?:he|she|patient|pt) (?:is|has)",
        r"what (?:do|should) (?:i|we) do(?: now)?",
        r"help",
    ),
)
