"""
LangChain chat model (`pip install mmhie[langchain]`) that keeps disclaimer, notices, provenance.

    from mmhie.langchain import ChatMMHIE

    answer = ChatMMHIE().invoke("How is croup treated?")
    answer.content, answer.response_metadata["disclaimer"], answer.response_metadata["notices"]
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.utils import convert_to_openai_messages
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field, PrivateAttr

from mmhie import (
    Answer,
    AnswerStream,
    AsyncAnswerStream,
    AsyncMedicalReasoningLLM,
    Delta,
    End,
    Event,
    LLMConfig,
    MedicalReasoningLLM,
)

Turn = dict[str, Any]  # LangChain's messages are open JSON

NO_TOOLS = (
    "ChatMMHIE has neither tools nor structured output; use langchain-openai's "
    'ChatOpenAI(base_url=MMHIE_URL + "/v1"), and show the disclaimer, which it drops, yourself.'
)
# Conversations that /llm/generate, which streams, can express in full.
SINGLE_TURN = (["user"], ["system", "user"])


class ChatMMHIE(BaseChatModel):  # type: ignore[misc] # LangChain is no part of our own set
    """The model behind MMHIE_URL; `config` is read from the environment unless it is given.

    A single question streams as the engine writes; a conversation comes in one piece. `max_tokens`
    of a conversation covers reasoning too.
    """

    config: LLMConfig | None = Field(default=None, exclude=True)  # it may have a key
    max_tokens: int | None = Field(default=None, ge=1)
    temperature: float = Field(default=0.0, ge=0, le=2)
    reasoning_effort: str | None = None
    max_retries: int = 2
    _llm: MedicalReasoningLLM = PrivateAttr()
    _async_llm: AsyncMedicalReasoningLLM = PrivateAttr()

    def model_post_init(self, context: object, /) -> None:
        """Create the clients; neither opens a connection yet."""
        super().model_post_init(context)
        self._llm = MedicalReasoningLLM(self.config, max_retries=self.max_retries)
        self._async_llm = AsyncMedicalReasoningLLM(self.config, max_retries=self.max_retries)

    @property
    def _llm_type(self) -> str:
        return "mmhie"

    @property
    def _identifying_params(self) -> Mapping[str, object]:
        # LangChain's cache answers from these: another server or model is not the same
        served = {"url": self._llm.config.url, "model": self._llm.config.model_name}
        named = {**served, "temperature": self.temperature, "max_tokens": self.max_tokens}
        return {**named, "reasoning_effort": self.reasoning_effort}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: object,
    ) -> ChatResult:
        answer = self._llm.chat_detailed(to_openai(messages), **self._options(stop, kwargs))
        return to_result(answer)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: object,
    ) -> ChatResult:
        options = self._options(stop, kwargs)
        answer = await self._async_llm.chat_detailed(to_openai(messages), **options)
        return to_result(answer)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: object,
    ) -> Iterator[ChatGenerationChunk]:
        turns, options = to_openai(messages), self._options(stop, kwargs)
        if not is_single_turn(turns):
            yield to_chunk(End(self._llm.chat_detailed(turns, **options)), is_whole=True)
            return
        with self._llm.stream(**to_prompt(turns), **options) as events:
            pieces = Pieces(events)
            for event in events:
                piece = pieces.of(event)
                if run_manager:
                    run_manager.on_llm_new_token(piece.text, chunk=piece)
                yield piece

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: object,
    ) -> AsyncIterator[ChatGenerationChunk]:
        turns, options = to_openai(messages), self._options(stop, kwargs)
        if not is_single_turn(turns):
            yield to_chunk(
                End(await self._async_llm.chat_detailed(turns, **options)), is_whole=True
            )
            return
        async with self._async_llm.stream(**to_prompt(turns), **options) as events:
            pieces = Pieces(events)
            async for event in events:
                piece = pieces.of(event)
                if run_manager:
                    await run_manager.on_llm_new_token(piece.text, chunk=piece)
                yield piece

    def bind_tools(self, tools: object, **kwargs: object) -> NoReturn:
        """Raise NotImplementedError, which names the client that has tools."""
        raise NotImplementedError(NO_TOOLS)

    def with_structured_output(self, schema: object, **kwargs: object) -> NoReturn:
        """Raise NotImplementedError, which names the client that has structured output."""
        raise NotImplementedError(NO_TOOLS)

    def _options(self, stop: list[str] | None, more: Mapping[str, object]) -> dict[str, Any]:
        """Return the options of a request, without those that are not set."""
        given = {"stop": stop, "reasoning_effort": self.reasoning_effort, **more}
        limits = {"max_tokens": self.max_tokens, "temperature": self.temperature}
        return limits | {name: value for name, value in given.items() if value is not None}


def to_openai(messages: Sequence[BaseMessage]) -> list[Turn]:
    """Convert a conversation to the messages of the chat API."""
    converted = convert_to_openai_messages(messages, text_format="string")
    return converted if isinstance(converted, list) else [converted]


def is_single_turn(turns: Sequence[Turn]) -> bool:
    """Return whether the conversation is one question in plain text."""
    is_text = all(isinstance(turn.get("content"), str) for turn in turns)
    return is_text and [turn["role"] for turn in turns] in SINGLE_TURN


def to_prompt(turns: Sequence[Turn]) -> Turn:
    """Return the prompt, and the system message where there is one."""
    system = {"system": turns[0]["content"]} if len(turns) == 2 else {}
    return {"prompt": turns[-1]["content"], **system}


def to_result(answer: Answer) -> ChatResult:
    """Convert an answer to LangChain's result."""
    message = AIMessage(content=answer.text, **metadata_of(answer))
    return ChatResult(generations=[ChatGeneration(message=message)])


def to_chunk(event: Event, *, is_whole: bool = False) -> ChatGenerationChunk:
    """Convert an event of a stream; `is_whole`: it brings the whole answer."""
    if isinstance(event, End):
        text = event.answer.text if is_whole else ""
        message = AIMessageChunk(content=text, **metadata_of(event.answer))
    elif isinstance(event, Delta):
        message = AIMessageChunk(content=event.text)
    else:
        reasoning = {"reasoning_content": event.text}
        message = AIMessageChunk(content="", additional_kwargs=reasoning)
    return ChatGenerationChunk(message=message)


class Pieces:
    """The pieces of one stream: the first has notices and request id, the last everything else.

    Each has them once, because LangChain adds up strings and lists where it merges pieces.
    """

    def __init__(self, events: AnswerStream | AsyncAnswerStream) -> None:
        self._events = events
        self._told: dict[str, object] = {}

    def of(self, event: Event) -> ChatGenerationChunk:
        """Convert the next event."""
        chunk = to_chunk(event)
        late = chunk.message.response_metadata
        if self._told:
            told = {name: value for name, value in late.items() if not self._told.get(name)}
        else:
            notices = [dict(notice) for notice in self._events.notices]
            self._told = {"notices": notices, "request_id": self._events.request_id}
            told = {**self._told, **late}
        chunk.message.response_metadata = told
        return chunk


def metadata_of(answer: Answer) -> dict[str, Any]:
    """Return an answer's metadata where users of LangChain look for it."""
    usage = UsageMetadata(
        input_tokens=answer.usage.prompt_tokens,
        output_tokens=answer.usage.completion_tokens,
        total_tokens=answer.usage.total_tokens,
    )
    metadata = {
        "model_name": answer.model,
        "finish_reason": answer.finish_reason,
        "disclaimer": answer.disclaimer,
        "emergency_note": answer.emergency_note,
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
