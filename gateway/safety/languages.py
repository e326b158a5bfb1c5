"""Language of a prompt, by the commonest words of languages: for a count, not for a decision."""

import re
from collections.abc import Mapping
from typing import Literal, get_args

Language = Literal["en", "de", "es", "fr", "other"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
HEAD = 300  # characters: about 45 words
LETTERS = re.compile(r"[^\W\d_]+")
# Words of languages that are nobody's here keep what resembles them from counting as Spanish.
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
    "other": "il lo gli che di è la le e un una non per con del della nel si ho ha da i in mi o os "
    "as a um uma no na não em do para por com de que se são está een het en van is op "
    "niet met voor zijn wat moet ik te bir ve için ne çok och att det är som jest nie się "
    "w z co",
}
VOTES: Mapping[str, str] = {
    word: "".join(str(at) for at, one in enumerate(LANGUAGES) if word in COMMON[one].split())
    for words in COMMON.values()
    for word in words.split()
}
