"""
A LangChain chat model (`pip install mmhie[langchain]`) that keeps what belongs to an answer.

    from mmhie.langchain import ChatMMHIE

    answer = ChatMMHIE().invoke("How is croup treated?")
    answer.content, answer.response_metadata["disclaimer"], answer.response_metadata["notices"]
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.utils import convert_to_openai_messages
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field, PrivateAttr

from mmhie import (
    Answer,
    AsyncMedicalReasoningLLM,
    Delta,
    End,
    Event,
    LLMConfig,
    MedicalReasoningLLM,
)

# Between a conversation of this kind and /llm/generate nothing is lost, so it can be streamed.
ONE_QUESTION = (["user"], ["system", "user"])


class ChatMMHIE(BaseChatModel):  # type: ignore[misc] # LangChain is no part of our own set
    """The model behind MMHIE_URL; `config` is read from the environment unless it is given.

    A single question streams as the engine writes; a conversation comes in one piece. `max_tokens`
    of a conversation covers reasoning too.
    """

    config: LLMConfig | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    temperature: float = Field(default=0.0, ge=0, le=2)
    reasoning_effort: str | None = None
    max_retries: int = 2
    _llm: MedicalReasoningLLM = PrivateAttr()
    _async_llm: AsyncMedicalReasoningLLM = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Make the clients; neither opens anything yet."""
        super().model_post_init(context)
        self._llm = MedicalReasoningLLM(self.config, max_retries=self.max_retries)
        self._async_llm = AsyncMedicalReasoningLLM(self.config, max_retries=self.max_retries)

    @property
    def _llm_type(self) -> str:
        return "mmhie"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        named = {"temperature": self.temperature, "max_tokens": self.max_tokens}
        return {**named, "reasoning_effort": self.reasoning_effort}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        options = self._options(stop, kwargs)
        answer = self._llm.chat_detailed(turns(messages), **options)
        return ChatResult(generations=[ChatGeneration(message=as_message(answer))])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        options = self._options(stop, kwargs)
        answer = await self._async_llm.chat_detailed(turns(messages), **options)
        return ChatResult(generations=[ChatGeneration(message=as_message(answer))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        said, options = turns(messages), self._options(stop, kwargs)
        if not is_one_question(said):
            yield chunk(End(self._llm.chat_detailed(said, **options)), is_all=True)
            return
        with self._llm.stream(**question(said), **options) as events:
            for event in events:
                piece = chunk(event)
                if run_manager:
                    run_manager.on_llm_new_token(piece.text, chunk=piece)
                yield piece

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        said, options = turns(messages), self._options(stop, kwargs)
        if not is_one_question(said):
            yield chunk(End(await self._async_llm.chat_detailed(said, **options)), is_all=True)
            return
        async with self._async_llm.stream(**question(said), **options) as events:
            async for event in events:
                piece = chunk(event)
                if run_manager:
                    await run_manager.on_llm_new_token(piece.text, chunk=piece)
                yield piece

    def _options(self, stop: list[str] | None, more: Mapping[str, Any]) -> dict[str, Any]:
        """What goes with a question, and nothing that was not chosen."""
        chosen = {"stop": stop, "reasoning_effort": self.reasoning_effort, **more}
        limits = {"max_tokens": self.max_tokens, "temperature": self.temperature}
        return limits | {name: value for name, value in chosen.items() if value is not None}


def turns(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """A conversation in the words of the chat API."""
    converted = convert_to_openai_messages(messages, text_format="string")
    return converted if isinstance(converted, list) else [converted]


def is_one_question(said: Sequence[Mapping[str, Any]]) -> bool:
    texts = all(isinstance(turn.get("content"), str) for turn in said)
    return texts and [turn["role"] for turn in said] in ONE_QUESTION


def question(said: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The prompt, and the system message where there is one."""
    system = {"system": said[0]["content"]} if len(said) == 2 else {}
    return {"prompt": said[-1]["content"], **system}


def as_message(answer: Answer) -> AIMessage:
    """An answer as LangChain's message."""
    return AIMessage(content=answer.text, **beside(answer))


def chunk(event: Event, *, is_all: bool = False) -> ChatGenerationChunk:
    """An event of a stream; `is_all` for one that brings the whole answer."""
    if isinstance(event, End):
        text = event.answer.text if is_all else ""
        return ChatGenerationChunk(message=AIMessageChunk(content=text, **beside(event.answer)))
    if isinstance(event, Delta):
        return ChatGenerationChunk(message=AIMessageChunk(content=event.text))
    more = {"reasoning_content": event.text}
    return ChatGenerationChunk(message=AIMessageChunk(content="", additional_kwargs=more))


def beside(answer: Answer) -> dict[str, Any]:
    """What belongs to an answer, where LangChain's users look for it."""
    usage = UsageMetadata(
        input_tokens=answer.usage.prompt_tokens,
        output_tokens=answer.usage.completion_tokens,
        total_tokens=answer.usage.total_tokens,
    )
    metadata = {
        "model_name": answer.model,
        "finish_reason": answer.finish_reason,
        "disclaimer": answer.disclaimer,
        "notices": [dict(notice) for notice in answer.notices],
        "warnings": list(answer.warnings),
        "truncated": answer.truncated,
        "provenance": dict(answer.provenance),
        "request_id": answer.request_id,
    }
    reasoning = {"reasoning_content": answer.reasoning} if answer.reasoning else {}
    return {
        "response_metadata": metadata,
        "usage_metadata": usage,
        "additional_kwargs": reasoning,
    }
