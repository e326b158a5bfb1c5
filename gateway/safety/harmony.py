"""What may go wrong with Harmony output, and how the reader is kept from seeing it.

vLLM parses the Harmony format itself; this guard is for what slips through: markers that arrive as
content (a cut inside a channel header, a malformed message) and answers that are not there.
"""

import re
from typing import Literal

Truncation = Literal["in_reasoning", "in_answer"]
Anomaly = Literal["reasoning_only", "empty_answer", "nothing_generated"]

MARKERS = ("start", "end", "message", "channel", "constrain", "return", "call")
MARKER = re.compile(r"<\|(" + "|".join(MARKERS) + r")\|>")
# Every proper beginning of a marker: what must be held back until the next delta decides.
BEGINNINGS = frozenset(
    whole[:cut] for name in MARKERS for whole in (f"<|{name}|>",) for cut in range(1, len(whole))
)
LONGEST_MARKER = max(len(name) for name in MARKERS) + 4

NAMES = ("assistant", "system", "developer", "user", "tool", "analysis", "commentary", "final")
NAMESPACES = ("functions", "browser", "python", "container")
# The text between header markers: one word, then perhaps a recipient. Closed under prefixes, so
# that where a delta was cut makes no difference to when a header stops looking like one.
HEADER = re.compile(r"\S{0,80}(?: +(?:t|to|to=\S{0,80} *)?)?")
REMNANT = re.compile(r"\S+ *(?:to=\S{1,80}(?!\S) *)?")

CUT_REASONS = ("length", "max_output_tokens")
# Ends that leave a whole answer, by the names of all three APIs; vLLM's others are abort, error and
# repetition, and a router may say content_filter.
WHOLE_REASONS = ("stop", "tool_calls", "function_call", "completed")

State = Literal["text", "header", "hidden"]


class HarmonyGuard:
    """Cleans one answer as it streams: markers, headers and leaked analysis never get out."""

    def __init__(self) -> None:
        self.found = False
        self._state: State = "text"
        self._pending = ""  # what may be the beginning of a marker
        self._header = ""  # the text since the last header marker
        self._is_channel = False
        self._channel = ""

    @property
    def is_idle(self) -> bool:
        """Whether everything so far has been shown, and the next delta may be, too."""
        return self._state == "text" and not self._pending

    @property
    def is_undecided(self) -> bool:
        """Whether all would be clean if only the last characters were no marker."""
        return bool(self._pending) and not self.found

    def feed(self, delta: str) -> str:
        """The text that is safe to show now; nothing is held back of a delta without `<`."""
        if "<" not in delta and self.is_idle:
            return delta
        text = self._pending + delta
        cut = text.rfind("<", -LONGEST_MARKER)
        held = cut >= 0 and text[cut:] in BEGINNINGS
        self._pending = text[cut:] if held else ""
        return self._clean(text[:cut] if held else text)

    def finish(self) -> tuple[str, bool]:
        """What was still held back, and whether anything of Harmony was found in the answer."""
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
        """It was no header after all: show it, less a role or channel name at its front."""
        text, self._header = self._header, ""
        word = text.split(maxsplit=1)[0] if text[:1].strip() else ""
        self._note_channel(word)
        self._state = self._body_state()
        if word and len(word) <= 80 and is_name(word):
            text = text[REMNANT.match(text).end() :]  # type: ignore[union-attr]  # word is not empty
        return text if self._state == "text" else ""

    def _marker(self, name: str) -> str:
        """Move on at a marker; returns header text that turns out to have been an answer."""
        self.found = True
        ends = name in ("end", "return", "call")
        shown = ""
        if self._state == "header":
            shown = self._header if ends and not is_name(self._header) else ""
            self._note_channel(self._header.split(" ")[0])
        if name == "start" or ends:
            self._channel = ""
        self._state = "header" if name in ("start", "channel", "constrain") else self._body_state()
        self._is_channel = name == "channel"
        self._header = ""
        return shown

    def _note_channel(self, word: str) -> None:
        if self._is_channel:
            self._channel = word

    def _body_state(self) -> State:
        return "hidden" if self._channel == "analysis" else "text"


def is_name(header: str) -> bool:
    """Whether header text is a role or channel of Harmony, or the beginning of one."""
    word = header.split(" ")[0]
    return (
        " to=" in header
        or any(name.startswith(word) for name in (*NAMES, *NAMESPACES))
        or word.split(".")[0] in NAMESPACES
    )


def clean(text: str) -> tuple[str, bool]:
    """A whole answer without Harmony, and whether there was any in it."""
    if "<|" not in text:
        return text, False
    guard = HarmonyGuard()
    first = guard.feed(text)
    rest, found = guard.finish()
    return first + rest, found


def truncation(
    finish_reason: str | None, content: str | None, reasoning: str | None
) -> Truncation | None:
    """Where a cut-off answer was cut: vLLM leaves content null when it never got to the answer."""
    if finish_reason not in CUT_REASONS:
        return None
    if content or (content is not None and not reasoning):
        return "in_answer"
    return "in_reasoning"


def is_ended_early(finish_reason: str | None) -> bool:
    """Whether the engine ended the answer for a reason of its own, neither budget nor end."""
    return finish_reason is not None and finish_reason not in (*CUT_REASONS, *WHOLE_REASONS)


def anomaly(
    *, content: str | None, reasoning: str | None, has_tool_calls: bool, completion_tokens: int
) -> Anomaly | None:
    """Why there is no answer to show; None when there is one."""
    if has_tool_calls or (content and content.strip()):
        return None
    if reasoning:
        return "reasoning_only"
    return "empty_answer" if completion_tokens > 0 else "nothing_generated"
