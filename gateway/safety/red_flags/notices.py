"""Notices about red flags in the prompt: a deterministic match over the input.

A notice never changes the answer, and it is not triage.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from gateway.safety.red_flags.candidate_rules import CandidateRules
from gateway.safety.red_flags.resolution import resolving_turn
from gateway.safety.red_flags.rule import Rule
from gateway.safety.red_flags.rules import RULES
from gateway.safety.red_flags.sentences import normal, sentences_of
from gateway.safety.wording import Audience, Wording

LONGEST_TEXT = 32_768  # in characters: a search is short for any text


class RedFlags:
    """The compiled rules of some languages."""

    def __init__(self, rules: Sequence[Rule], languages: Sequence[str]) -> None:
        self._rules = rules
        self._by_language = [CandidateRules(rules, language) for language in languages]

    def raised(self, text: str) -> list[Rule]:
        """Return the rules whose red flag the text reports as present, in their order.

        Three passes, each over what the one before let through: the prefilter over the text, the
        prefilter over its sentences, and the signs themselves over those.
        """
        whole = bounded(text)
        raw = (whole if whole.isascii() else normal(whole)).encode(errors="replace")
        possible = {one: found for one in self._by_language if (found := one.possible(raw))}
        if not possible:
            return []
        sentences = sentences_of(normal(whole))
        ids = {
            rule_id for one, found in possible.items() for rule_id in one.reported(found, sentences)
        }
        return [rule for rule in self._rules if rule.id in ids]


def bounded(text: str) -> str:
    """Return both ends of a very long text; any other as it is."""
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[: LONGEST_TEXT // 2]}\n\n{text[-LONGEST_TEXT // 2 :]}"


def still_raised(turns: Sequence[str], languages: tuple[str, ...]) -> tuple[list[Rule], list[Rule]]:
    """Return the rules that the turns of a conversation raise, without those that a later turn
    resolves, and those."""
    search = red_flags(languages)
    raised = search.raised("\n\n".join(turns))
    resolved = []
    for rule in raised:
        turn = resolving_turn(rule, turns, languages)
        if turn is not None and rule not in search.raised("\n\n".join(turns[turn:])):
            resolved.append(rule)
    return [rule for rule in raised if rule not in resolved], resolved


@cache
def red_flags(languages: tuple[str, ...]) -> RedFlags:
    """Return all rules in some languages, compiled once."""
    return RedFlags(RULES, languages)


def rules_version(
    wording: Wording, audience: Audience, languages: Sequence[str], contact: str
) -> str:
    """Return a digest of all that decides which notices come and what they say, beside the code:
    the files of the rules and triggers, the wording, the audience, the languages, the contact."""
    files = sorted(Path(__file__).parent.rglob("*.toml"))
    words = (wording.model_dump_json(), audience, *languages, contact)
    content = [*(file.read_bytes() for file in files), *map(str.encode, words)]
    return hashlib.sha256(b"\0".join(content)).hexdigest()[:12]


def notice(rule: Rule, wording: Wording, audience: Audience, contact: str) -> dict[str, str]:
    """Return the notice of a rule, which quotes nothing of the text."""
    words = wording.notices[rule.id]
    message = words.patient if audience == "patient" else words.clinician
    return {
        "id": rule.id,
        "type": "emergency",
        "summary": words.summary,
        "message": message.format(contact=contact),
        "not_triage": wording.not_triage,
    }
