"""German triggers, the core of each class."""

from gateway.safety.red_flags.triggers import Triggers, words

TRIGGERS = Triggers(
    pseudo=words(
        r"nicht nur",
        r"ohne (?:mich|erfolg|besserung)",
        r"kein\w* (?:besserung|ahnung|zweifel|wirkung)",
        r"nicht (?:besser|sicher|auf|mehr au[fs]\w*)",
        r"keine (?:bekannten )?(?:allergien|vorerkrankungen|medikamente)",
    ),
    stop=words(r"aber", r"jedoch", r"außer", r"(?<!nicht )jetzt", r"aktuell", r"stellt sich"),
    turn=words(r"aber", r"jedoch", r"jetzt"),
    clause=words(r"(?:,|und|dann)\s*(?:ich|er|sie|es|wir|mein\w*|jetzt|hat|ist)"),
    negated_before=words(r"kein\w*", r"ohne", r"verneint", r"weder", r"negativ für", r"ausschluss"),
    negated_verb=words(r"nicht", r"nie", r"niemals"),
    negated_after=words(
        r"(?:wird |wurde |werden )?(?:verneint|ausgeschlossen)", r"liegt nicht vor"
    ),
    history_before=words(
        r"z\. ?n\.?",
        r"zustand nach",
        r"anamnes\w+",
        r"früher\w*",
        r"vorgeschichte",
        r"chronisch\w*",
    ),
    past_time=words(
        r"vor (?:\w+ ){0,2}(?:jahren?|monaten?|wochen)",
        r"letztes jahr",
        r"(?:19|20)\d\d",
        r"als kind",
    ),
    resolved_after=words(
        r"(?:ist |sind )?(?:weg|vorbei|abgeklungen|verschwunden)",
        r"nicht mehr (?:da|vorhanden|aufgetreten)",
    ),
    family_before=words(
        r"familienanamnese",
        r"(?:vater|mutter|bruder|schwester|oma|opa|großvater|großmutter|tante|onkel)"
        r"(?: \w+){0,2}? (?:hatte|starb|ist an|verstarb|erlitt)",
    ),
    family_after=words(r"in (?:der|meiner|seiner|ihrer) familie"),
    recent=words(
        r"heute",
        r"jetzt",
        r"gerade",
        r"plötzlich\w*",
        r"seit(?! (?:\w+ )?(?:jahren|monaten|kindheit))",
        r"vor (?:\w+ )?(?:minuten|stunden?)",
    ),
    general=words(
        r"(?:wenn|falls) (?:jemand|man|ein\w*)",
        r"(?:begriff|krimi|prüfung|vortrag|aufsatz|referat|merkblatt|examen|studi\w+|trauerkarte|"
        r"artikel)",
        r"(?:unterschied|häufigkeit|folgen|anzeichen|symptome) \w+",
        r"risiko\w*",
        r"vorbeug\w+",
        r"leitlinien?",
        r"ursachen?",
        r"(?:kann|können) .{0,30}verursachen",
    ),
    topic=words(
        r"^\s*(?:bitte )?(?:was|welche\w*|warum|wie|wann|wer|wo|erkläre?n?|beschreibe?n?|nenne?n?|"
        r"ist|sind|kann|können|soll|darf|fasse|übersetze|schreibe?|gibt es|worin|wodurch|woran|"
        r"formuliere?|ab wann|wie viele)"
    ),
    person=words(
        r"(?<!soll )(?<!kann )(?<!muss )(?<!darf )ich",
        r"mein\w*",
        r"mir",
        r"er",
        r"sein\w*",
        r"ihr\w*",
        r"patient\w*",
        r"\d{1,3}[- ]?jährige\w*",
        r"hilfe",
    ),
)
