"""The reasoning policy: who gets the reasoning, and how it is removed for the others."""

from typing import Literal

from gateway.runtime.json_types import Json

Policy = Literal["pass", "hide", "scope"]

# vLLM's field is `reasoning`; other engines and older ones write `reasoning_content`.
NAMES = ("reasoning", "reasoning_content")
# Per-token data of a choice, which repeats the reasoning token by token.
PER_TOKEN = ("logprobs", "token_ids")
# An empty reasoning item of /v1/responses.
EMPTY: Json = {"content": [], "summary": [], "encrypted_content": None}


def is_shown(policy: Policy, may_see: bool) -> bool:
    """Return whether a caller gets the reasoning; `may_see` is the `reasoning` scope."""
    return policy == "pass" or (policy == "scope" and may_see)


def hide(choice: Json) -> Json:
    """Return a choice without reasoning. Log-probabilities and token ids are removed, too: they may
    include those of the reasoning (`include_reasoning: false`)."""
    changed = dict(choice)
    part = "delta" if "delta" in choice else "message"
    if part in choice:
        message = choice[part] or {}
        changed[part] = {key: value for key, value in message.items() if key not in NAMES}
    if "text" not in choice:  # text completions have no reasoning
        changed.update({key: None for key in PER_TOKEN if changed.get(key) is not None})
    return changed


def reasoning_text(message: Json) -> str:
    """Return the reasoning in a message or delta, under either name; empty if there is none."""
    return str(message.get("reasoning") or message.get("reasoning_content") or "")


def is_reasoning_event(kind: str) -> bool:
    """Return whether a type of /v1/responses event carries reasoning text."""
    return kind.startswith("response.reasoning")
