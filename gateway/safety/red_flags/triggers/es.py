"""Spanish triggers, the core of each class."""

from gateway.safety.red_flags.triggers import Triggers, words

TRIGGERS = Triggers(
    pseudo=words(
        r"no solo",
        r"no puedo más",
        r"no (?:mejora|cede|sé|se|para|responde)",
        r"sin (?:mejoría|alivio|alergias|antecedentes)",
    ),
    stop=words(r"pero", r"sin embargo", r"excepto", r"aunque", r"ahora", r"acude", r"presenta"),
    turn=words(r"pero", r"sin embargo", r"ahora"),
    clause=words(
        r"(?:,|y|entonces)\s*(?:yo|ella|tengo|tiene|está|estoy|mi|su|ahora|quier[oe]|me|se|le|"
        r"casi|apenas|lleva)"
    ),
    negated_before=words(r"niega", r"sin", r"ningún", r"ninguna", r"ni", r"negativo para"),
    negated_verb=words(r"no", r"nunca"),
    negated_after=words(r"(?:fue |ha sido )?(?:descartad[oa]|negad[oa])"),
    history_before=words(r"antecedentes?(?: de)?", r"historia de", r"previ[oa]", r"crónic[oa]"),
    past_time=words(
        r"hace (?:\w+ )?(?:años?|meses|mes|semanas)",
        r"el año pasado",
        r"(?:19|20)\d\d",
        r"de niñ[oa]",
    ),
    resolved_after=words(r"(?:ya )?(?:desapareció|se quitó|se resolvió|pasó)"),
    family_before=words(
        r"antecedentes familiares",
        r"(?:padre|madre|hermano|hermana|abuelo|abuela|tío|tía)"
        r"(?: \w+){0,2}? (?:tuvo|murió|sufrió)",
    ),
    family_after=words(r"en (?:la|mi|su) familia"),
    recent=words(
        r"hoy",
        r"ahora",
        r"de repente",
        r"desde(?! (?:entonces|niñ|hace (?:\w+ )?años))",
        r"súbit\w+",
        r"hace (?:\w+ )?(?:minutos?|horas?)",
    ),
    general=words(
        r"(?:si|cuando) (?:alguien|una persona|un paciente)",
        r"riesgo de",
        r"prevenir",
        r"guías?",
        r"(?:término|novela|examen|charla|trabajo sobre|tesis|folleto|artículo|estudia\w*)",
        r"(?:diferencia|frecuencia|síntomas|signos) (?:de|entre)",
        r"causas? de",
        r"puede\w* (?:\w+ )?(?:causar|provocar|producir|dar)",
    ),
    topic=words(
        r"^[\s¿]*(?:por favor,? )?(?:qué|cuál|cuáles|por qué|cómo|cuándo|quién|dónde|explica\w*|"
        r"describe|define|enumera|resume|es|son|puede|puedo|debo|traduce|escribe|hay|redacta|"
        r"a partir|"
        r"en qué|cada cuánto|cuánt\w+|se puede)"
    ),
    person=words(
        r"yo",
        r"mi",
        r"mis",
        r"me",
        r"tengo",
        r"estoy",
        r"ella",
        r"tiene",
        r"paciente",
        r"(?:hombre|mujer|varón|niñ[oa]) de \d+",
        r"ayuda",
    ),
)
