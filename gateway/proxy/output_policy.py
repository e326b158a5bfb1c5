"""How an answer has to look to one caller."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.safety import placement, reasoning


class OutputPolicy(NamedTuple):
    """What is changed of the engine's output; as it stands here, nothing.

    `opening` and `closing` go around the answer's text; `warnings` are known beforehand.
    """

    policy: reasoning.Policy = "pass"
    name: reasoning.FieldName = "reasoning"
    may_see: bool = False
    opening: str = ""
    closing: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def keeps_reasoning(self) -> bool:
        """Whether reasoning stays as the engine wrote it."""
        return reasoning.is_untouched(self.policy, self.name, may_see=self.may_see)

    @property
    def hides_reasoning(self) -> bool:
        return not reasoning.is_shown(self.policy, self.may_see)

    @property
    def surrounds(self) -> bool:
        """Whether anything goes around the text."""
        return bool(self.opening or self.closing)

    def choice(self, choice: dict[str, Any]) -> dict[str, Any]:
        """A choice with its reasoning under this policy."""
        return reasoning.apply_choice(choice, self.policy, self.name, may_see=self.may_see)

    def surround(self, text: str) -> str:
        """A whole text between opening and closing; what is empty stays empty."""
        return self.opening + text + self.closing if text else text


PLAIN = OutputPolicy()


def surrounded(
    body: Mapping[str, object], disclaimer: str, wanted: placement.Placement
) -> tuple[str, str]:
    """What goes before and after the text; nothing where a program reads the answer."""
    if wanted == "off":
        return "", ""
    where = placement.effective(wanted, body)
    return placement.opening(disclaimer, where), placement.closing(disclaimer, where)


def with_content(choice: Mapping[str, Any], text: str) -> dict[str, Any]:
    """A choice that says something else."""
    for part in ("delta", "message"):
        if isinstance(choice.get(part), dict):
            return {**choice, part: {**choice[part], "content": text}}
    return {**choice, "text": text}


def without_tokens(choice: Mapping[str, Any]) -> dict[str, Any]:
    """A choice without its per-token data, which would spell out what was stripped."""
    given = [name for name in reasoning.PER_TOKEN if choice.get(name) is not None]
    return {**choice, **dict.fromkeys(given)}
