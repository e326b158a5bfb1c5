"""The gateway as a model of Inspect: its OpenAI client, keeping what the gateway adds."""

from typing import Any

from inspect_ai.model import ChatCompletionChoice, ModelOutput, modelapi
from inspect_ai.model._providers.openai_compatible import OpenAICompatibleAPI
from openai import APIStatusError
from openai.types.chat import ChatCompletion

SERVICE = "mmhie"  # the key comes in MMHIE_API_KEY, the address in MMHIE_BASE_URL
REFUSED = "refused"
BATCH = {"X-MMHIE-Priority": "batch"}  # patients come first, whatever the class of the key


class GatewayAPI(OpenAICompatibleAPI):  # type: ignore[misc]  # Inspect is not installed here
    """Chat completions through the gateway, with its `mmhie` object in the message's metadata."""

    def __init__(self, model_name: str, **arguments: Any) -> None:
        super().__init__(
            model_name=f"{SERVICE}/{model_name}",
            service=SERVICE,
            default_headers=BATCH,
            **arguments,
        )

    def chat_choices_from_completion(
        self, completion: ChatCompletion, tools: list[Any]
    ) -> list[ChatCompletionChoice]:
        """Keep disclaimer and notices beside each choice."""
        choices = super().chat_choices_from_completion(completion, tools)
        added = (completion.model_extra or {}).get("mmhie") or {}
        for choice in choices:
            choice.message.metadata = {
                "notices": len(added.get("notices") or ()),
                "has_disclaimer": bool((added.get("disclaimer") or {}).get("text")),
            }
        return list(choices)

    def handle_bad_request(self, ex: APIStatusError) -> ModelOutput:
        """Turn a refused request (too long, say) into an item without an answer; no retry helps."""
        output = ModelOutput.from_content(self.model_name, content="")
        output.choices[0].message.metadata = {REFUSED: ex.status_code}
        return output


@modelapi(name=SERVICE)  # type: ignore[untyped-decorator]  # Inspect is not installed here
def gateway() -> type[GatewayAPI]:
    """Register the gateway with Inspect."""
    return GatewayAPI
