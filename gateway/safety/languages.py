"""Language of a prompt, by the commonest words of languages among its first characters.

For a count, and for one warning: that a prompt is surely in a language that is not screened.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from gateway.api.request_text import SETTING_ROLES, Turn

Language = Literal["en", "de", "es", "fr", "pt", "it", "other"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
OTHER: Language = "other"
SCREENED: tuple[Language, ...] = tuple(language for language in LANGUAGES if language != OTHER)
HEAD = 300  # characters: about 45 words
TURNS_BACK = 4  # a short turn tells no language: "OK", "38.5"
FEWEST_LETTERS, FEWEST_WORDS = 3, 3  # from which one can be sure
LAST_LATIN = "\u024f"
LETTERS = re.compile(r"[^\W\d_]+")
NO_LETTERS = {at: " " for at in range(128) if not chr(at).isalpha()}  # of ASCII
# Of the other languages Dutch, Swedish, Danish, Norwegian, Polish, Czech, Turkish, Romanian,
# Hungarian, Finnish and Indonesian; other scripts need no words.
COMMON: Mapping[Language, str] = {
    "en": "the and of to is are was were with for that this what how when should his her he she "
    "my i a an it you has have had does do can been not no on at in me from which or by "
    "after your",
    "de": "der die das und ist sind war mit für was wie wann soll sollte sein seine er sie ich "
    "mein meine hat habe haben nicht auf bei von vor oder als ein eine einen einem kein "
    "keine zu nach im in den dem des es seit welche wird kann man",
    "es": "el la los las y es son está que qué cómo cuándo debe su un una mi yo tiene tengo ha "
    "no en de del al a se me te lo por para con desde cuál puede años hace hay más muy o "
    "si sin",
    "fr": "le la les et est sont a avec pour que quel quelle comment quand doit son sa ses un "
    "une de des mon ma je il elle j ai ne n pas sur du d au aux ou en se me depuis peut "
    "ans dans qui ce cette vous qu l après y si sans",
    "pt": "o a os as e é são está que qual como quando deve seu sua um uma meu minha eu tem tenho "
    "não no na do da dos das ao em de se me por para com desde pode anos há mais muito ou "
    "sem foi ele ela isso à",
    "it": "il lo la i gli le e è sono che cosa come quando deve suo sua un una mio mia io ha ho "
    "non nel nella di del della dei al alla da dal in si mi per con su può anni fa più molto "
    "o se senza questo",
    "other": "de het een en van is op niet met voor zijn wat moet ik hij mijn heeft naar aan ook "
    "och att det är som den på inte jag har till av med för vad kan han hon "
    "og jeg ikke til hva hvad skal mitt "
    "jest nie się że do co czy mam ma jak od przez po mnie moje mój moja "
    "je se že jsem si co mám bolest od "
    "bir ve için ne çok bu da de var gibi daha benim ama ile saat istiyorum yapmal\u0131y\u0131m "
    "și este în cu pe nu sunt am ce să la care mai din "
    "az és hogy nem van egy mit ez meg "
    "ja ei se että olen mitä kun hän minun minulla ovat "
    "yang dan di saya untuk tidak dengan ini apa adalah sudah pada dari",
}
DIGITS = "".join(map(str, range(len(LANGUAGES))))
VOTES: Mapping[str, str] = {
    word: "".join(
        str(at) for at, language in enumerate(LANGUAGES) if word in COMMON[language].split()
    )
    for words in COMMON.values()
    for word in words.split()
}


def language_of(turns: Sequence[str]) -> Language | None:
    """Return the language of the last turn's beginning: `other` where its words do not tell, None
    where there is no text."""
    if not turns:
        return None
    votes = "".join(votes_in(words_of(turns[-1])))
    counts = list(map(votes.count, DIGITS))
    most = max(counts)
    return LANGUAGES[counts.index(most)] if counts.count(most) == 1 else OTHER


def is_unscreened(turns: Sequence[Turn]) -> bool:
    """Return whether the caller surely writes in another language than those of `SCREENED`: the
    last turn says so, or the one before where that tells nothing."""
    said = [turn.text for turn in turns[-TURNS_BACK:] if turn.role not in SETTING_ROLES]
    for text in reversed(said):
        if language_of([text]) != OTHER:
            return False
        if is_surely_other(words_of(text)):
            return True
    return False


def is_surely_other(words: Sequence[str]) -> bool:
    """Return whether words are of another script for the most part, or of the other languages
    alone twice as often as of the screened ones alone."""
    letters = "".join(words)
    if (
        len(letters) >= FEWEST_LETTERS
        and sum(letter > LAST_LATIN for letter in letters) > len(letters) / 2
    ):
        return True
    other = str(LANGUAGES.index(OTHER))
    votes = votes_in(sorted(set(words)))
    theirs = votes.count(other)
    return theirs >= FEWEST_WORDS and theirs > 2 * sum(other not in vote for vote in votes)


def words_of(text: str) -> list[str]:
    """Return the words of a text's beginning."""
    head = text[:HEAD].lower()
    return head.translate(NO_LETTERS).split() if head.isascii() else LETTERS.findall(head)


def votes_in(words: Sequence[str]) -> list[str]:
    """Return the languages of each common word, as digits."""
    return list(filter(None, map(VOTES.get, words)))
