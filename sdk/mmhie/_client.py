# Generated from _async_client.py (`make docs`): change that file.
"""The client. Its calls are safe to share between threads, or between tasks and event loops."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Self, Unpack

import httpx2

from mmhie._answer import Answer, End, Event, ReasoningDelta
from mmhie._base_client import BaseClient
from mmhie._config import LLMConfig, check_key
from mmhie._errors import MMHIEError
from mmhie._feedback import Category, FeedbackReceipt, Severity
from mmhie._http import event_source, to_httpx, translate_errors
from mmhie._local import server_for
from mmhie._request import (
    READY,
    CareOptions,
    GenerateOptions,
    Request,
    SamplingOptions,
    build_request,
    chat_request,
    generate_request,
)
from mmhie._response import error_of, read_chat, read_generate, read_receipt
from mmhie._retry import Deadline, may_become_ready, retry_delay
from mmhie._stream_reader import StreamReader
from mmhie._sync_io import Clients, in_thread, sleep
from mmhie._text import MedicalText, text_of, warn

POLL_SECONDS = 1.0  # while a model loads
LONGEST_POLL_SECONDS = 10.0  # one that a restart swallows must not be the last


class AnswerStream(StreamReader):
    """Events of one answer that is still being written; iterate over it."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__(response.headers)
        self._events = self._read(response)

    def __iter__(self) -> Iterator[Event]:
        return self._events

    def _read(self, response: httpx2.Response) -> Iterator[Event]:
        with self._reading():
            for sent in event_source(response):
                yield from self._feed(sent.data)


class MedicalReasoningLLM(BaseClient):
    """A medical reasoning model behind HTTP; `instance()` is the one of this process.

    Outputs are not clinical advice: show the disclaimer that comes with every answer.
    """

    def __init__(self, config: LLMConfig | None = None, *, max_retries: int = 2) -> None:
        super().__init__(config, max_retries=max_retries)
        self._clients = Clients()

    def generate(
        self,
        prompt: str,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> MedicalText:
        """Return a str that has its labels; warn where it was cut off or has notices.

        Raises an MMHIEError; a timeout is a TimeoutError as well. MMHIE_MAX_TOKENS caps max_tokens.
        """
        return text_of(self.generate_detailed(prompt, max_tokens, temperature, **options))

    def generate_detailed(
        self,
        prompt: str,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> Answer:
        """Return the answer with its disclaimer, notices, warnings, usage and provenance."""
        cap = self._cap(max_tokens)
        request = generate_request(prompt, cap, temperature, options, stream=False)
        return read_generate(self._send(request))

    def stream(
        self,
        prompt: str,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> AbstractContextManager[AnswerStream]:
        """Return a context manager of typed events as the engine emits them; leaving it cancels."""
        cap = self._cap(max_tokens)
        return self._stream(generate_request(prompt, cap, temperature, options, stream=True))

    def stream_generate(
        self,
        prompt: str,
        chunk_size: int = 64,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[GenerateOptions],
    ) -> Generator[MedicalText, None]:
        """Yield the answer's text as it arrives; closing the iterator cancels.

        The last piece is empty and has the whole answer: disclaimer, truncated, provenance. A
        failure raises, also midway. `chunk_size` is ignored: the pieces are the engine's own.
        To stop early under asyncio use `stream`: Python closes an async iterator only later.
        """
        with self.stream(prompt, max_tokens, temperature, **options) as events:
            for event in events:
                if isinstance(event, End):
                    warn(event.answer)
                if not isinstance(event, ReasoningDelta):
                    yield events.piece(event)

    def chat(
        self,
        messages: Sequence[Mapping[str, object]],
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[SamplingOptions],
    ) -> MedicalText:
        """Return the answer's text in a conversation of `{"role", "content"}` messages."""
        return text_of(self.chat_detailed(messages, max_tokens, temperature, **options))

    def chat_detailed(
        self,
        messages: Sequence[Mapping[str, object]],
        max_tokens: int | None = None,
        temperature: float = 0.0,
        **options: Unpack[SamplingOptions],
    ) -> Answer:
        """Return the same with disclaimer, notices, warnings, usage and provenance."""
        request = chat_request(messages, self._cap(max_tokens), temperature, options)
        return read_chat(self._send(request))

    def feedback(
        self,
        request_id: str | None,
        category: Category,
        severity: Severity | None = None,
        *,
        comment: str | None = None,
        corrected_text: str | None = None,
        **options: Unpack[CareOptions],
    ) -> FeedbackReceipt:
        """Flag the answer of this request id, or sign it off; return the receipt.

        RequestError: texts where the operator has set no key to encrypt them, or an id that is
        missing, unknown, another caller's or too old (`answer_not_found`).
        """
        fields = {
            "request_id": request_id,
            "category": category,
            "severity": severity,
            "comment": comment,
            "corrected_text": corrected_text,
        }
        given = {name: text for name, text in fields.items() if text is not None}
        request = build_request("/v1/mmhie/feedback", given, options, CareOptions)
        return read_receipt(self._send(request))

    def warm_up(self, timeout_seconds: float | None = None) -> None:
        """Wait until the model is ready; with the `local` backend, start its server.

        Polls once a second for `timeout_seconds` (MMHIE_START_TIMEOUT_SECONDS), then raises the
        last error. A hold, or a wrong address, is raised at once; the key is not checked.
        """
        url = self._address()
        seconds = self.config.start_timeout_seconds if timeout_seconds is None else timeout_seconds
        deadline = Deadline(seconds)
        while True:
            try:
                self._attempt(READY, url, min(deadline.remaining(), LONGEST_POLL_SECONDS))
                return
            except MMHIEError as error:
                if not may_become_ready(error) or deadline.remaining() <= POLL_SECONDS:
                    raise
            sleep(POLL_SECONDS)

    def close(self) -> None:
        """Close idle connections, under asyncio those of the running loop; calls open new ones."""
        self._clients.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @contextmanager
    def _stream(self, request: Request) -> Iterator[AnswerStream]:
        response = self._send(request)
        try:
            yield AnswerStream(response)
        finally:
            response.close()

    def _send(self, request: Request) -> httpx2.Response:
        """Return the response with status 200; repeat what no server has begun."""
        url = self._address()  # a local server starts here, before the clock does
        seconds = self._seconds(request)
        deadline, attempt = Deadline(seconds), 0
        while True:
            try:
                limit = seconds if request.is_stream else deadline.remaining()
                return self._attempt(request, url, limit)
            except MMHIEError as error:
                delay = retry_delay(error, attempt)
                is_last = attempt >= self.max_retries
                if is_last or delay is None or delay > deadline.remaining():
                    raise
            sleep(delay)
            attempt += 1

    def _attempt(self, request: Request, url: str, seconds: float) -> httpx2.Response:
        """Return the response, whose body is read unless it is a stream; `seconds` is the longest
        pause. Raises the error that another status than 200 means."""
        key, client = self._key(), self._clients.get(url)
        with translate_errors():
            sent = client.build_request(**to_httpx(request, url, key, seconds))
            response = client.send(sent, stream=request.is_stream)
            if response.status_code == 200:
                return response
            response.read()
        raise error_of(response)

    def _key(self) -> str | None:
        """Return the key; a function that gets a token may wait. A local server needs none."""
        key = self.config.api_key
        if key is None or self.config.backend == "local":
            return None
        return key if isinstance(key, str) else check_key(in_thread(key))

    def _address(self) -> str:
        """Return the server's address, of a local server once it is ready."""
        if self.config.backend == "remote":
            return self.config.url
        server = server_for(self.config)
        while not in_thread(server.poll):
            sleep(0.25)
        return server.url
