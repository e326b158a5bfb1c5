"""Rules over the prompt, and the notices about what was found: deterministic in the input.

A notice never changes the answer, and it is not triage.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from gateway.safety.red_flags.candidate_rules import CandidateRules
from gateway.safety.red_flags.classifier.features import LONGEST_TEXT, bounded
from gateway.safety.red_flags.resolution import resolving_turn
from gateway.safety.red_flags.rule import Rule
from gateway.safety.red_flags.rules import RULES
from gateway.safety.red_flags.sentences import normal, sentences_of
from gateway.safety.wording import Audience, DocumentWording, NoticeWording, Wording


class RedFlags:
    """The compiled rules of some languages."""

    def __init__(self, rules: Sequence[Rule], languages: Sequence[str]) -> None:
        self._rules, self._languages = rules, languages
        self._by_language = [CandidateRules(rules, language) for language in languages]

    def compile_signs(self) -> None:
        """Compile what the first text that may match would wait for: 70 ms in English, one sign
        up to 8 ms."""
        tables = (rule.signs.get(name) for rule in self._rules for name in self._languages)
        for table in filter(None, tables):
            for pattern in table.patterns():
                pattern.compile()

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


def still_raised(turns: Sequence[str], languages: tuple[str, ...]) -> tuple[list[Rule], list[Rule]]:
    """Return the rules that the turns of a conversation raise, without those that a later turn
    resolves, and those."""
    search = red_flags(languages)
    raised = search.raised("\n\n".join(turns))
    resolved = []
    shown, first = [bounded(turn) for turn in turns], first_within(turns)
    for rule in raised:
        turn = resolving_turn(rule, shown, languages, first=first)
        if turn is not None and rule not in search.raised("\n\n".join(turns[turn:])):
            resolved.append(rule)
    return [rule for rule in raised if rule not in resolved], resolved


def first_within(turns: Sequence[str]) -> int:
    """Return the first of the last turns that are not longer than one text: each of them is looked
    at for every rule that was raised."""
    left, first = LONGEST_TEXT, len(turns)
    while first > 0 and left > 0:
        first -= 1
        left -= min(len(turns[first]), LONGEST_TEXT)
    return first


@cache
def red_flags(languages: tuple[str, ...]) -> RedFlags:
    """Return all rules in some languages, compiled once."""
    return RedFlags(RULES, languages)


def rules_version(wording: Wording, audience: Audience, decided_by: Sequence[str]) -> str:
    """Return a digest of all that decides which notices come and what they say, beside the code:
    the files of rules, triggers, limits and weights, the wording, the audience, the settings."""
    folder = Path(__file__).parent
    files = sorted([*folder.rglob("*.toml"), *folder.rglob("*.json"), *folder.rglob("*.gz")])
    words = (wording.model_dump_json(), audience, *decided_by)
    content = [*(file.read_bytes() for file in files), *map(str.encode, words)]
    return hashlib.sha256(b"\0".join(content)).hexdigest()[:12]


def notice(
    name: str, wording: Wording, audience: Audience, contact: str, *, of_document: bool = False
) -> dict[str, str]:
    """Return the notice with an id, which quotes nothing of the text."""
    words = wording.notices[name]
    said: NoticeWording | DocumentWording = wording.document if of_document else words
    message = said.patient if audience == "patient" else said.clinician
    return {
        "id": name,
        "type": "emergency",
        "summary": words.summary,
        "message": message.format(contact=contact, summary=words.summary),
        "not_triage": wording.not_triage,
    }
