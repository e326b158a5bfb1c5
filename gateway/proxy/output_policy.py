"""The output policy of one caller, applied to the choices of an answer."""

from dataclasses import dataclass, field
from sys import maxsize
from typing import TYPE_CHECKING, NamedTuple

from gateway.engine import openai_json
from gateway.errors import EngineGarbled
from gateway.runtime.json_types import Json
from gateway.safety import harmony, labels, reasoning
from gateway.safety.labels import Digest, Ending
from gateway.safety.placement import NOTHING, Placement, Surroundings
from gateway.safety.reasoning import reasoning_text
from gateway.safety.transcript import Transcript
from gateway.safety.wording import Wording

if TYPE_CHECKING:
    from gateway.safety.signatures import LabelSigner

MOST_ENDS = 4  # some engines send two
WENT_ON = "The engine went on after the end of an answer; try again."


class OutputPolicy(NamedTuple):
    """Changes to the engine's output for one caller; by default none.

    The texts of `around` stand around the answer's. `warnings` are those of the request. `served`
    are the models that an answer may name. A `transcript` stores the texts, a `signer` signs the
    closing labels. `echoed` are the lengths of the prompts that the texts begin with, one for each
    choice.
    """

    key: bytes = b""  # of the digests
    hides_reasoning: bool = False
    placement: Placement = "off"
    around: Surroundings = NOTHING
    warnings: tuple[str, ...] = ()
    served: tuple[str, ...] = ()
    transcript: Transcript | None = None
    signer: "LabelSigner | None" = None
    echoed: tuple[int, ...] = ()
    generates: bool = True  # False if the answer is the prompt alone
    was_input_cut: bool = False

    def digest(self) -> Digest:
        mac = labels.new_digest(self.key, self.transcript)
        return mac if self.signer is None else labels.DoubleDigest(mac)

    def sign(self, final: Json, mac: Digest) -> Json:
        """Return a closing label, signed if there is a key."""
        if self.signer is None or not isinstance(mac, labels.DoubleDigest):
            return final
        return self.signer.sign(final, mac.plain())

    def with_label(self, label: Json, wording: Wording) -> "OutputPolicy":
        """Return the policy for an answer with this label, whose texts may stand around it."""
        if self.placement == "off":
            return self
        return self._replace(around=Surroundings.of(label, self.placement, wording))


PLAIN = OutputPolicy()


def with_content(choice: Json, text: str) -> Json:
    for part in ("delta", "message"):
        if isinstance(choice.get(part), dict):
            return {**choice, part: {**choice[part], "content": text}}
    return {**choice, "text": text}


def without_tokens(choice: Json) -> Json:
    """Return a choice without its per-token data, which would spell out stripped text."""
    given = [name for name in reasoning.PER_TOKEN if choice.get(name) is not None]
    return {**choice, **dict.fromkeys(given)}


@dataclass(slots=True)
class ChoiceState:
    """The state of one choice of an answer while it passes: its digest, and what it contains."""

    mac: Digest
    policy: OutputPolicy = PLAIN
    echo_left: int = 0  # characters of the prompt that the text still begins with
    has_text: bool = False
    has_reasoning: bool = False
    has_tool_calls: bool = False
    has_ended: bool = False  # its closing label exists
    warnings: list[str] = field(default_factory=list)
    _guard: harmony.HarmonyGuard = field(default_factory=harmony.HarmonyGuard)
    _is_open: bool = False
    _leaks: bool = False
    _ends: int = 0

    @classmethod
    def at(cls, index: int, mac: Digest, policy: OutputPolicy) -> "ChoiceState":
        """Return the state of the choice with this index."""
        echoed = policy.echoed
        return cls(mac, policy, echoed[index] if 0 <= index < len(echoed) else maxsize)

    def pass_on(self, choice: Json) -> Json:
        """Return a choice for the caller, the same object if nothing changes."""
        message = openai_json.read_message(choice)
        sent = message.get("content") or ""
        is_last = bool(choice.get("finish_reason"))
        echoed, content_text = self._split(sent)
        clean = self._clean(content_text, is_last=is_last)
        self.note(message if clean == sent else {**message, "content": clean})
        text = self._surround(echoed + clean, choice.get("finish_reason"))
        passed = choice if text == sent else with_content(choice, text)
        if self._leaks and clean != content_text:
            passed = without_tokens(passed)
        return reasoning.hide(passed) if self.policy.hides_reasoning else passed

    def _split(self, text: str) -> tuple[str, str]:
        """Return the part of a piece that repeats the prompt, which is outside the digest, and the
        model's part; raise EngineGarbled for text that was not asked for."""
        if not self.policy.echoed or not text:
            return "", text
        echoed, generated = text[: self.echo_left], text[self.echo_left :]
        self.echo_left -= len(echoed)
        if self.has_ended or (generated and not self.policy.generates):
            raise EngineGarbled(WENT_ON)
        return echoed, generated

    def _clean(self, content_text: str, *, is_last: bool) -> str:
        """Return the text without leaked Harmony; a clean delta costs one search for `<`."""
        if "<" not in content_text and self._guard.is_idle and not is_last:
            return content_text
        shown = self._guard.feed(content_text)
        self._leaks = self._guard.found
        if is_last:
            rest, self._leaks = self._guard.finish()
            shown += rest
        if self._leaks:
            self.warn("harmony_markers_stripped")
            self._guard = harmony.HarmonyGuard() if is_last else self._guard  # of the next text
        return shown

    def _surround(self, clean: str, finish_reason: str | None) -> str:
        """Return the text with what stands around it, nothing without any text; the end stays away
        from a text before a tool call, which is not the answer yet."""
        if self.policy.around is NOTHING:
            return clean
        if clean and not self._is_open:
            self._is_open = True
            clean = self.policy.around.opening + clean
        if finish_reason and self._is_open:
            self._is_open = False
            cut = "input" if self.policy.was_input_cut else None
            if finish_reason in labels.CUT_REASONS:
                cut = "in_answer"
            if not self.has_tool_calls:
                clean += self.policy.around.end(cut)
        return clean

    def pass_text(self, text: str) -> str:
        """Return a whole text for the caller: without leaked Harmony, with the disclaimer."""
        passed: str = self.pass_on({"text": text, "finish_reason": "stop"})["text"]
        return passed

    def check_model_name(self, name: object) -> None:
        """Warn if the engine names a model that is not served."""
        if labels.is_another_model(name, self.policy.served):
            self.warn(labels.OTHER_MODEL)

    @property
    def is_in_text(self) -> bool:
        """True while more text has only to be added to the digest."""
        return self.has_text and self._guard.is_idle

    @property
    def passes_text(self) -> bool:
        """True while text without `<` passes unchanged."""
        around = self.policy.around
        is_inside = self._is_open and not around.closing
        return self._guard.is_idle and (around is NOTHING or is_inside)

    @property
    def may_add_text(self) -> bool:
        """True if the end of the text may get more than its last piece has."""
        return not self._guard.is_idle or bool(self.policy.around.closing)

    def note(self, message: Json) -> None:
        """Note the content of a message or delta; raise EngineGarbled for text after the end."""
        text = message.get("content")
        if isinstance(text, str) and text:
            if self.has_ended:
                raise EngineGarbled(WENT_ON)
            self.mac.update(text.encode())
            self.has_text = True
        if not message.keys().isdisjoint(reasoning.NAMES) and reasoning_text(message):
            self.has_reasoning = True
        if message.get("tool_calls"):
            self.has_tool_calls = True

    def final(self, finish_reason: str | None, *, fingerprint: str | None) -> Json:
        """Return the closing label of the choice, perhaps signed; raise EngineGarbled after
        `MOST_ENDS`."""
        self._ends += 1
        if self._ends > MOST_ENDS:
            raise EngineGarbled(WENT_ON)
        ending = Ending(
            finish_reason,
            "text" if self.has_text or self.has_tool_calls or self.policy.echoed else None,
            "reasoning" if self.has_reasoning else None,
            self.has_tool_calls,
        )
        self.has_ended = True
        final = ending.label(
            [*self.policy.warnings, *self.warnings],
            digest=labels.format_digest(self.mac),
            fingerprint=fingerprint,
            was_input_cut=self.policy.was_input_cut,
        )
        return self.policy.sign(final, self.mac)

    def warn(self, kind: str) -> None:
        """Add a warning, once."""
        if kind not in self.warnings:
            self.warnings.append(kind)
