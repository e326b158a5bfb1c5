"""Instructions to the model inside a document: words that nobody addresses to a clinician."""

import re

from gateway.safety.output_checks.words import around, words_of

ADDRESSED = re.compile(
    r"(?i)(?:\b(?:ignore|disregard|forget|override) (?:all |any |the |your |every ){0,6}"
    r"(?:previous|prior|above|earlier|preceding|other|system|safety)? ?"
    r"(?:instructions?|prompts?|rules|guidelines|guardrails|disclaimers?)\b"
    r"|\b(?:you are now|from now on,? you|act as if you|pretend (?:to be|you are)) (?:an? )?\w+"
    r"|\b(?:system|developer) (?:prompt|message|override)\b|\bnew instructions?:"
    r"|\b(?:ai|language model|llm|chatbot|assistant)s? "
    r"(?:must|should|shall|is to|are to|reading this)\b"
    r"|\b(?:note|message|instruction)s? (?:to|for) "
    r"(?:the )?(?:ai|llm|language model|assistant|model)\b"
    r"|\b(?:do not|don't|never) (?:mention|reveal|tell|disclose|inform)(?: this| that)? (?:to )?"
    r"(?:the )?(?:user|reader|clinician|doctor|patient) (?:about|that|of|this|any)\b"
    r"|\brespond only with\b|\bend your (?:answer|response|reply) with\b"
    r"|(?:^|\n)[ \t]{0,8}#{2,4} ?(?:instruction|system|assistant)s?:?[ \t]{0,8}(?:$|\n))"
)
MARKS = (
    *("<|im_start", "<|im_end", "<|start", "<|system", "<|channel", "<|message", "<|endoftext"),
    *("[inst]", "[/inst]", "<<sys>>"),
)
# One of these words is in every such instruction.
KEYS = frozenset(
    words_of(
        "ignore disregard forget override now act pretend instruction instructions system systems "
        "prompt message ai ais llm llms chatbot chatbots model models assistant assistants "
        "mention reveal tell disclose inform respond end "
    )
)
LONGEST = 120
DOCUMENT = 300  # characters; a shorter text is what the caller says itself
OWN_WORDS = 120  # characters at the beginning, in which the caller's own instruction stands


def hidden(turn: str) -> bool:
    """Return whether a document holds such an instruction, beyond the caller's own words."""
    if len(turn) < DOCUMENT:
        return False
    rest = turn[OWN_WORDS:].lower()
    if any(mark in rest for mark in MARKS):
        return True
    return any(around(ADDRESSED, rest, KEYS, LONGEST))
