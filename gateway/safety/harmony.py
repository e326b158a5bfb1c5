"""Guard against leaked Harmony control markers.

vLLM parses the Harmony format itself. This guard handles the cases that its parser misses: markers
in the content, after a cut inside a channel header, or in a malformed message.
"""

import re
from typing import Literal

MARKERS = ("start", "end", "message", "channel", "constrain", "return", "call")
MARKER = re.compile(r"<\|(" + "|".join(MARKERS) + r")\|>")
# Every proper prefix of a marker; it waits for the next delta.
BEGINNINGS = frozenset(
    whole[:cut] for name in MARKERS for whole in (f"<|{name}|>",) for cut in range(1, len(whole))
)
LONGEST_MARKER = max(len(name) for name in MARKERS) + 4

NAMES = ("assistant", "system", "developer", "user", "tool", "analysis", "commentary", "final")
NAMESPACES = ("functions", "browser", "python", "container")
# The text between header markers: one word, then perhaps a recipient. It also matches every prefix,
# so the cuts between deltas make no difference.
HEADER = re.compile(r"\S{0,80}(?: +(?:t|to|to=\S{0,80} *)?)?")
REMNANT = re.compile(r"\S+ *(?:to=\S{1,80}(?!\S) *)?")

State = Literal["text", "header", "hidden"]


class HarmonyGuard:
    """Cleans an answer while it streams: removes markers, headers and leaked analysis."""

    def __init__(self) -> None:
        self.found = False
        self._state: State = "text"
        self._pending = ""  # a possible prefix of a marker
        self._header = ""  # the text since the last header marker
        self._is_channel = False
        self._channel = ""

    @property
    def is_idle(self) -> bool:
        """True while all text so far has been passed on."""
        return self._state == "text" and not self._pending

    def feed(self, delta: str) -> str:
        """Return the text that is safe to pass on; a delta without `<` never waits."""
        if "<" not in delta and self.is_idle:
            return delta
        text = self._pending + delta
        cut = text.rfind("<", -LONGEST_MARKER)
        must_wait = cut >= 0 and text[cut:] in BEGINNINGS
        self._pending = text[cut:] if must_wait else ""
        return self._clean(text[:cut] if must_wait else text)

    def finish(self) -> tuple[str, bool]:
        """Return the text that waited, and whether the answer contained any marker."""
        pending, self._pending = self._pending, ""
        if len(pending) > 2:  # "<|" and a letter: a marker that was cut off
            self.found = True
            pending = ""
        rest = self._text(pending)
        if self._state == "header" and not is_name(self._header):
            rest += self._header
        self._header, self._state = "", "text"
        return rest, self.found

    def _clean(self, text: str) -> str:
        shown = []
        at = 0
        for marker in MARKER.finditer(text):
            shown += [self._text(text[at : marker.start()]), self._marker(marker.group(1))]
            at = marker.end()
        shown.append(self._text(text[at:]))
        return "".join(shown)

    def _text(self, text: str) -> str:
        if self._state == "text":
            return text
        if self._state == "hidden":
            return ""
        self._header += text
        return "" if HEADER.fullmatch(self._header) else self._release()

    def _release(self) -> str:
        """Return text that was not a header, without a role or channel name in front."""
        text, self._header = self._header, ""
        word = text.split(maxsplit=1)[0] if text[:1].strip() else ""
        self._set_channel(word)
        self._state = self._body_state()
        if word and len(word) <= 80 and is_name(word):
            text = text[REMNANT.match(text).end() :]  # type: ignore[union-attr]  # word is not empty
        return text if self._state == "text" else ""

    def _marker(self, name: str) -> str:
        """Change state at a marker; return header text that was part of the answer."""
        self.found = True
        ends = name in ("end", "return", "call")
        shown = ""
        if self._state == "header":
            shown = self._header if ends and not is_name(self._header) else ""
            self._set_channel(self._header.split(" ")[0])
        if name == "start" or ends:
            self._channel = ""
        self._state = "header" if name in ("start", "channel", "constrain") else self._body_state()
        self._is_channel = name == "channel"
        self._header = ""
        return shown

    def _set_channel(self, word: str) -> None:
        if self._is_channel:
            self._channel = word

    def _body_state(self) -> State:
        return "hidden" if self._channel == "analysis" else "text"


def is_name(header: str) -> bool:
    """Return whether header text is a Harmony role or channel, or a prefix of one."""
    word = header.split(" ")[0]
    return (
        " to=" in header
        or any(name.startswith(word) for name in (*NAMES, *NAMESPACES))
        or word.split(".")[0] in NAMESPACES
    )
