"""The reasoning policy: its visibility and its field name."""

from typing import Literal

from gateway.runtime.json_types import Json

Policy = Literal["pass", "hide", "scope"]
FieldName = Literal["reasoning", "reasoning_content", "both"]

# vLLM's field is `reasoning`; it was `reasoning_content`, which many clients still read.
NAMES = ("reasoning", "reasoning_content")
OUT: dict[FieldName, tuple[str, ...]] = {
    "reasoning": ("reasoning",),
    "reasoning_content": ("reasoning_content",),
    "both": NAMES,
}
# Per-token data of a choice, which repeats the reasoning token by token.
PER_TOKEN = ("logprobs", "token_ids")
# An empty reasoning item of /v1/responses.
EMPTY: Json = {"content": [], "summary": [], "encrypted_content": None}


def is_shown(policy: Policy, may_see: bool) -> bool:
    """Return whether a caller gets the reasoning; `may_see` is the `reasoning` scope."""
    return policy == "pass" or (policy == "scope" and may_see)


def is_untouched(policy: Policy, name: FieldName, *, may_see: bool = False) -> bool:
    """Return whether the engine's bytes can be passed through without parsing."""
    return name == "reasoning" and is_shown(policy, may_see)


def apply(message: Json, policy: Policy, name: FieldName, *, may_see: bool = False) -> Json:
    """Return a message or delta with its reasoning removed or under the chosen name(s)."""
    kept = {key: value for key, value in message.items() if key not in NAMES}
    if is_shown(policy, may_see) and any(key in message for key in NAMES):
        value = next((message[key] for key in NAMES if message.get(key) is not None), None)
        kept.update(dict.fromkeys(OUT[name], value))
    return kept


def apply_choice(choice: Json, policy: Policy, name: FieldName, *, may_see: bool = False) -> Json:
    """Return a choice under the policy. Hiding reasoning hides the logprobs and token ids of the
    answer, too: the engine's may reach into the reasoning (`include_reasoning: false`)."""
    changed = dict(choice)
    part = "delta" if "delta" in choice else "message"
    if part in choice:
        changed[part] = apply(choice[part] or {}, policy, name, may_see=may_see)
    if not is_shown(policy, may_see) and "text" not in choice:  # a completion's has none to hide
        changed.update({key: None for key in PER_TOKEN if changed.get(key) is not None})
    return changed


def text_of(message: Json) -> str:
    """Return the reasoning in a message or delta, under either name; empty when none."""
    return str(message.get("reasoning") or message.get("reasoning_content") or "")


def is_reasoning_event(kind: str) -> bool:
    """Return whether a type of /v1/responses event carries reasoning text."""
    return kind.startswith("response.reasoning")
