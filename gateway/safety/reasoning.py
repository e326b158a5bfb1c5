"""Who may see the model's reasoning, and under which name."""

from collections.abc import Mapping
from typing import Any, Literal

Policy = Literal["pass", "hide", "scope"]
FieldName = Literal["reasoning", "reasoning_content", "both"]

# vLLM says `reasoning`; it said `reasoning_content` before, and many clients still look for that.
NAMES = ("reasoning", "reasoning_content")
OUT: dict[FieldName, tuple[str, ...]] = {
    "reasoning": ("reasoning",),
    "reasoning_content": ("reasoning_content",),
    "both": NAMES,
}
# Per-token data of a choice: it spells the reasoning out again, token by token.
PER_TOKEN = ("logprobs", "token_ids")
# A reasoning item of /v1/responses with nothing in it.
EMPTY: dict[str, Any] = {"content": [], "summary": [], "encrypted_content": None}


def is_shown(policy: Policy, may_see: bool) -> bool:
    """Whether this caller gets the reasoning; `may_see` is the key's `reasoning` scope."""
    return policy == "pass" or (policy == "scope" and may_see)


def is_untouched(policy: Policy, name: FieldName, *, may_see: bool = False) -> bool:
    """Whether the engine's own bytes are already right, so nothing need be parsed."""
    return name == "reasoning" and is_shown(policy, may_see)


def apply(
    message: Mapping[str, Any], policy: Policy, name: FieldName, *, may_see: bool = False
) -> dict[str, Any]:
    """A chat message or delta with its reasoning removed, or under the chosen name(s)."""
    kept = {key: value for key, value in message.items() if key not in NAMES}
    if is_shown(policy, may_see) and any(key in message for key in NAMES):
        value = next((message[key] for key in NAMES if message.get(key) is not None), None)
        kept.update(dict.fromkeys(OUT[name], value))
    return kept


def apply_choice(
    choice: Mapping[str, Any], policy: Policy, name: FieldName, *, may_see: bool = False
) -> dict[str, Any]:
    """A choice under the policy; hidden reasoning takes its log-probabilities and ids along."""
    changed = dict(choice)
    part = "delta" if "delta" in choice else "message"
    said = choice.get(part) or {}
    if part in choice:
        changed[part] = apply(said, policy, name, may_see=may_see)
    if not is_shown(policy, may_see) and not is_pure_answer(said):
        changed.update({key: None for key in PER_TOKEN if changed.get(key) is not None})
    return changed


def is_pure_answer(message: Mapping[str, Any]) -> bool:
    """Whether a message or delta holds answer or tool call, and no reasoning at all."""
    return not text_of(message) and bool(message.get("content") or message.get("tool_calls"))


def text_of(message: Mapping[str, Any]) -> str:
    """The reasoning in a message or delta, whichever name it came under; empty when none."""
    return str(message.get("reasoning") or message.get("reasoning_content") or "")


def is_reasoning_event(kind: str) -> bool:
    """Whether an event of a /v1/responses stream carries reasoning text, by its type."""
    return kind.startswith("response.reasoning")
