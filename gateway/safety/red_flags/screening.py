"""Decide which red flags the turns of a conversation raise, and whether a document does.

First what kind of text a turn is: a message about a present patient (a question, a transcript), or
a document: a record, an exam item, a study. In messages, rules and vital signs name a reason unless
the classifier finds the text far from an emergency; where none does and the classifier is above the
threshold of the text's language, there is a notice without a reason. In documents rules speak
alone, if they may at all.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.safety.red_flags.classifier.features import bounded
from gateway.safety.red_flags.classifier.language import LANGUAGES, language_of
from gateway.safety.red_flags.classifier.model import Kind, model
from gateway.safety.red_flags.notices import red_flags, still_raised
from gateway.safety.red_flags.resolution import all_over_turn
from gateway.safety.red_flags.vital_signs import is_critical

GENERAL = "MED100"  # the classifier alone
VITAL_SIGNS = "MED115"
# Below this a rule's sign is a word in another context: in cross-validation 87 % of matches in
# the emergencies reach it, and 27 % of those in other texts (`matches_of_rules` in card.json).
FAR_FROM = 0.4
PASSAGE = 200  # characters, about 35 words: an emergency in a long text is one passage of it
SHORTEST = 20  # characters
PASSAGE_END = re.compile(r"[.!?\n](?:(?<=\n)|\s)")


@dataclass(frozen=True, slots=True)
class Policy:
    """Languages of the rules, one threshold for all languages of texts instead of each one's own,
    and whether documents raise notices."""

    languages: tuple[str, ...] = ("en",)
    threshold: float | None = None
    with_records: bool = False

    def thresholds(self) -> Mapping[str, float]:
        """Return the estimate from which a text gets a notice, by its language."""
        if self.threshold is None:
            return model().thresholds
        return dict.fromkeys(LANGUAGES, self.threshold)


DEFAULT = Policy()


@dataclass(frozen=True, slots=True)
class Raised:
    """Ids of red flags: raised in messages, in documents only, and resolved by a later turn."""

    in_messages: Sequence[str] = ()
    in_documents: Sequence[str] = ()
    resolved: Sequence[str] = field(default=())


def raised(turns: Sequence[str], policy: Policy) -> Raised:
    """Return the red flags of the turns of a conversation, oldest first."""
    messages, documents = parted([Reading.of(bounded(turn)) for turn in turns], policy)
    found, resolved = in_messages(messages, policy)
    if not policy.with_records:
        return Raised(found, (), resolved)
    texts = [text.whole for text in documents]
    others = [one for one in in_documents(texts, policy) if one not in found]
    return Raised(found, others, resolved)


@dataclass(frozen=True, slots=True)
class Reading:
    """A text, its passages, and how likely each of them reports an emergency."""

    whole: str
    passages: Sequence[str]
    chances: Sequence[float]
    kind: Kind

    @classmethod
    def of(cls, text: str) -> "Reading":
        passages = passages_of(text)
        # After a page of history comes what it is about, or before; after a case, a question.
        ends = [last_sentence(text), first_sentence(text)] if len(passages) > 1 else []
        weights = model().weigh([*passages, *ends])
        kind = model().kind(text, weights[: len(passages)])
        if kind.study > 0:
            ends = []
        elif kind.record > 0:  # it opens with what the patient once complained of
            ends = ends[:1]
        read = [*passages, *ends]
        return cls(text, read, [model().chance(one) for one in weights[: len(read)]], kind)

    def is_document(self, policy: Policy) -> bool:
        """Return whether this is a record or a study; no text that reads like an emergency is."""
        is_one = self.kind.record > 0 or self.kind.study > 0
        return is_one and not self.is_likely(policy)

    def is_likely(self, policy: Policy) -> bool:
        """Return whether a passage reaches the threshold of its language."""
        thresholds = policy.thresholds()
        least = min(thresholds.values())
        if max(self.chances) < least:  # nearly every text: its language does not matter
            return False
        pairs = zip(self.passages, self.chances, strict=True)
        return any(
            chance >= thresholds[language_of(passage)]
            for passage, chance in pairs
            if chance >= least
        )

    def near(self) -> str:
        """Return the passages in which the sign of a rule would be one."""
        pairs = zip(self.passages, self.chances, strict=True)
        return "".join(passage for passage, chance in pairs if chance >= FAR_FROM)


def parted(texts: Sequence[Reading], policy: Policy) -> tuple[list[Reading], list[Reading]]:
    """Return the messages and the documents of a conversation; a short turn after a message is its
    continuation, however much "the pain has resolved" reads like a record."""
    messages: list[Reading] = []
    documents: list[Reading] = []
    for text in texts:
        goes_on = bool(messages) and len(text.passages) == 1
        room = documents if text.is_document(policy) and not goes_on else messages
        room.append(text)
    return messages, documents


def passages_of(text: str) -> list[str]:
    """Return a text in passages that end where a sentence does, or a line; a short one whole."""
    if len(text) <= 2 * PASSAGE:
        return [text]
    passages, start = [], 0
    while start < len(text):
        stop = PASSAGE_END.search(text, start + PASSAGE, start + 2 * PASSAGE)
        end = stop.end() if stop else start + 2 * PASSAGE
        passages.append(text[start:end])
        start = end
    return passages


def first_sentence(text: str) -> str:
    """Return the first sentence of a text that is more than a word or two."""
    stop = PASSAGE_END.search(text, SHORTEST, PASSAGE)
    return f"\n{text[: stop.end() if stop else PASSAGE]}"


def last_sentence(text: str) -> str:
    """Return the last sentence of a text that is more than a word or two."""
    ends = [match.end() for match in PASSAGE_END.finditer(text, len(text) - PASSAGE)]
    start = next((end for end in reversed(ends) if len(text) - end >= SHORTEST), -PASSAGE)
    return f"\n{text[start:]}"


def in_messages(messages: Sequence[Reading], policy: Policy) -> tuple[list[str], list[str]]:
    """Return the ids that messages raise, and those that a later one resolves."""
    texts = [text.near() for text in messages]
    if not any(texts):
        return [], []
    read = [near or text.whole for near, text in zip(texts, messages, strict=True)]
    rules, over = still_raised(read, policy.languages)
    found, resolved = [rule.id for rule in rules], [rule.id for rule in over]
    start = 0
    if len(messages) > 1:
        start = all_over_turn([text.whole for text in messages], policy.languages) or 0
    if is_critical("\n\n".join(texts[start:])):
        found.append(VITAL_SIGNS)
    if not found and not resolved:
        above = [text.is_likely(policy) for text in messages]
        found = [GENERAL] if any(above[start:]) else []
        resolved = [GENERAL] if any(above[:start]) and not found else []
    return found, resolved


def in_documents(documents: Sequence[str], policy: Policy) -> list[str]:
    """Return the ids of the rules and vital signs that documents report."""
    text = "\n\n".join(documents)
    found = [rule.id for rule in red_flags(policy.languages).raised(text)] if text else []
    return [*found, VITAL_SIGNS] if is_critical(text) else found
