"""One input of every kind at its size limit, a caller's or the engine's, and texts that
take long to read. Each is made when it is sent: together they are gigabytes."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import orjson

from gateway.api import paths
from gateway.api.json_structure import MOST_CONTAINERS, MOST_VALUES
from gateway.http import sse
from gateway.runtime.heavy_work import HEAVY_BYTES
from gateway.safety.red_flags.screening import LONG_TEXT
from tests.bench.targets import KEY
from tests.faults.heavy import BODY_BYTES, reply
from tests.gateway.peer import SSE_HEAD, chunk

ANSWER_BYTES: Final = 20 * 10**6  # of 16 answers with twenty log probabilities at each token
EVENT_BYTES: Final = 4 * 10**6  # and of an answer beside its log probabilities
ERROR_BYTES: Final = 10**6
HEADER_BYTES: Final = 30_000
ROOM: Final = 1024  # of a body beside what fills it
END: Final = b"0\r\n\r\n"

Json = Mapping[str, Any]


class Input(NamedTuple):
    """A caller's bytes, the engine's answer to them, and the status that the caller gets."""

    sent: bytes
    answer: bytes
    status: int = 200


Make = Callable[[], Input]


def request(path: str, body: bytes, *headers: bytes, method: bytes = b"POST") -> bytes:
    """A request, by default the last of its connection."""
    length = b"content-length: %d" % len(body)
    lines = (
        b"%b %b HTTP/1.1" % (method, path.encode()),
        b"host: a",
        b"authorization: Bearer " + KEY.encode(),
        b"content-type: application/json",
        *(headers or (b"connection: close", length)),
    )
    return b"\r\n".join((*lines, b"", body))


# What the engine says by path: events, and an answer in one piece.


def chat_events(deltas: Iterable[Json], **more: object) -> list[bytes]:
    """A chat completion that is streamed; every choice has `more`."""
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}

    def event(delta: Json, reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, **more}
        return sse.encode({**head, "choices": [choice]})

    usage = sse.encode({**head, "choices": [], "usage": {"completion_tokens": 5}})
    return [*map(event, deltas), event({}, "stop"), usage, sse.DONE]


def chat_words(texts: Iterable[str]) -> list[bytes]:
    return chat_events({"content": text} for text in texts)


def completion_words(texts: Iterable[str]) -> list[bytes]:
    choices = [{"text": text, "finish_reason": None} for text in texts]
    choices.append({"text": "", "finish_reason": "stop"})
    events = [sse.encode({"model": "m", "choices": [{"index": 0, **each}]}) for each in choices]
    return [*events, sse.DONE]


def response_words(texts: Sequence[str]) -> list[bytes]:
    """The last event says all of it again."""
    kind = "response.output_text.delta"
    place = {"type": kind, "output_index": 0, "content_index": 0}
    begun, ended = "response.created", "response.completed"
    return [
        sse.named(begun, {"type": begun, "response": response("")}),
        *(sse.named(kind, {**place, "delta": text}) for text in texts),
        sse.named(ended, {"type": ended, "response": response("".join(texts))}),
    ]


def message_words(texts: Iterable[str]) -> list[bytes]:
    deltas = [{"type": "text_delta", "text": text} for text in texts]
    events: list[Json] = [
        {"type": "message_start", "message": message("")},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}},
        {"type": "message_stop"},
    ]
    return [sse.named(event["type"], event) for event in events]


def completion(**choice: object) -> Json:
    """A chat or text completion in one piece."""
    choices = [{"index": 0, "finish_reason": "stop", **choice}]
    return {"id": "1", "model": "m", "choices": choices, "usage": {"completion_tokens": 5}}


def response(text: str) -> Json:
    """A response in one piece."""
    item = {"type": "message", "content": [{"type": "output_text", "text": text}]}
    return {"id": "1", "object": "response", "status": "completed", "model": "m", "output": [item]}


def message(text: str) -> Json:
    """An Anthropic message in one piece."""
    content = [{"type": "text", "text": text}]
    return {"id": "1", "model": "m", "content": content, "stop_reason": "end_turn", "usage": {}}


class Door(NamedTuple):
    """A path: the body of a prompt, and how the engine says texts there."""

    path: str
    body: Callable[[str], Json]
    events: Callable[[Sequence[str]], list[bytes]]
    whole: Callable[[str], Json]

    def ask(self, prompt: str = "Hi.", /, **more: object) -> bytes:
        """Return a request."""
        return request(self.path, orjson.dumps({**self.body(prompt), **more}))

    def tell(self, events: Iterable[bytes], prompt: str = "Hi.", /, **more: object) -> Input:
        """Return a stream of the engine's, each event in an HTTP chunk, as vLLM sends them."""
        stream = b"".join([SSE_HEAD, *map(chunk, events), END])
        return Input(self.ask(prompt, stream=True, **more), stream)

    def say(self, answer: Json) -> Input:
        """Return an answer of the engine's in one piece."""
        return Input(self.ask(), reply(orjson.dumps(answer)))

    def refuse(self, error: Json, **more: object) -> Input:
        """Return a refusal of the engine's."""
        return Input(
            self.ask(**more), reply(orjson.dumps({"error": error}), b"400 Bad Request"), 400
        )


def turn(text: object) -> Json:
    return {"messages": [{"role": "user", "content": text}]}


CHAT: Final = Door(paths.CHAT, turn, chat_words, lambda text: completion(message={"content": text}))
COMPLETIONS: Final = Door(
    paths.COMPLETIONS,
    lambda text: {"prompt": text},
    completion_words,
    lambda text: completion(text=text),
)
RESPONSES: Final = Door(paths.RESPONSES, lambda text: {"input": text}, response_words, response)
MESSAGES: Final = Door(
    paths.MESSAGES, lambda text: {**turn(text), "max_tokens": 9}, message_words, message
)
GENERATE: Final = Door(paths.GENERATE, lambda text: {"prompt": text}, chat_words, CHAT.whole)
DOORS: Final = {
    "chat": CHAT,
    "completions": COMPLETIONS,
    "responses": RESPONSES,
    "messages": MESSAGES,
    "generate": GENERATE,
}
HELLO: Final = CHAT.say(CHAT.whole("Hello.")).answer


# Texts of about so many bytes as JSON.
Text = Callable[[int], str]

# Texts that make a careless pattern try every end from every beginning.
FILLINGS: Final[Mapping[str, str]] = {
    "blanks": " ",
    "lines": "\n",
    "letters": "a",
    "quotes": '"',
    "backslashes": "\\",
    "angles": "<|",
    "markers": "<|channel|>analysis to=",
    "sentences": "No chest pain, no fever since 3 days. ",
    "echoes": ", 'input': ",
    "input values": "[input_value=",
    "emoji": "\N{GRINNING FACE}",
}


def fill(unit: str, size: int) -> str:
    return unit * (size // (len(orjson.dumps(unit)) - 2))


def unknown_words(size: int) -> str:
    """Words that no text has, each once."""
    return "".join(random.Random(1).choices("bcdfghjklmnpqrstvwxz ", k=size))


# Those that the classifier of red flags takes longest for: of 4,400 that a random search put
# together from forty units, and two that were thought of.
SLOW_TEXTS: Final[Mapping[str, Text]] = {
    "unknown words": unknown_words,
    "ellipses and ligatures": partial(fill, "\u2026\ufb01\u0130"),
    "short lines": partial(fill, "N/A\n"),
    "marks": partial(fill, "a\u0301\u0316\u0345"),
    "negations": partial(fill, "no chest pain, "),
}
TEXTS: Final[Mapping[str, Text]] = {
    **{name: partial(fill, unit) for name, unit in FILLINGS.items()},
    **SLOW_TEXTS,
}


def ask_long(text: Text) -> Input:
    """A body of the largest size."""
    return Input(CHAT.ask(text(BODY_BYTES - ROOM)), HELLO)


def ask_shortly(text: Text) -> Input:
    """The longest prompt that is read in one go."""
    return Input(CHAT.ask(text(8 * LONG_TEXT)[:LONG_TEXT]), HELLO)


def ask_at(door: Door) -> Input:
    """A body of the largest size, and a stream."""
    return door.tell(door.events(["Hi."]), LONG())


def write_anew(value: Callable[[], object]) -> Input:
    """A body with a field that the gateway sets, too."""
    return CHAT.tell(chat_words(["Hi."]), stream_options={}, x=value())


# A JSON value that fills a body, how often at most, and what becomes of the request.
SHAPES: Final = {
    "lists": (b"[]", MOST_CONTAINERS - 10, 200),
    "objects": (b'{"": 0}', MOST_CONTAINERS - 10, 200),
    "texts": ('"\N{GRINNING FACE}"'.encode(), MOST_VALUES - 10, 200),
    "numbers": (b"1.5", MOST_VALUES - 10, 200),
    "deep lists": (b"[" * 60 + b"]" * 60, MOST_CONTAINERS // 60 - 10, 200),
    "brackets": (b"[[[[[[[[[[", BODY_BYTES, 400),
}


def fill_body(size: int, unit: bytes, most: int, status: int) -> Input:
    """A body of a size, of nothing but such values."""
    times = min(most, (size - ROOM) // (len(unit) + 1))
    values = b",".join([unit] * times)
    body = b'{"messages":[{"role":"user","content":"Hi."}],"x":[%b]}' % values
    return Input(request(paths.CHAT, body), HELLO, status)


# As many texts as a body may hold.
WORDS: Final = tuple(map(str, range(100_000, 100_000 + MOST_VALUES - 10)))
SENTENCE: Final = FILLINGS["sentences"]
LONG: Final = partial(fill, SENTENCE, BODY_BYTES - ROOM)


def ask_chat(**fields: object) -> Input:
    """A chat request with some fields."""
    return Input(CHAT.ask(**fields), HELLO)


def ask_with_head(*headers: bytes, path: str = paths.CHAT, status: int = 200) -> Input:
    """A small request with some headers."""
    body = orjson.dumps(CHAT.body("Hi."))
    framing = b"connection: close", b"content-length: %d" % len(body)
    return Input(request(path, body, *framing, *headers), HELLO, status)


def in_chunks(body: bytes, cut: Callable[[bytes], bytes]) -> Input:
    """A body whose bytes come in HTTP chunks of one each."""
    framing = b"connection: close", b"transfer-encoding: chunked"
    chunks = b"".join(map(cut, (body[at : at + 1] for at in range(len(body)))))
    return Input(request(paths.CHAT, chunks + END, *framing), HELLO, 400)


def pipeline() -> Input:
    """Sixteen requests at once, the last one of the largest size."""
    body = orjson.dumps(CHAT.body(fill(SENTENCE, HEAVY_BYTES - ROOM)))
    one = request(paths.CHAT, body, b"content-length: %d" % len(body))
    return Input(one * 15 + CHAT.ask(), HELLO)


ANEW: Final[Mapping[str, Callable[[], object]]] = {
    "150,000 texts": lambda: WORDS,
    "2 MB of text": lambda: LONG(),
}
BY_CALLER: Final[Mapping[str, Make]] = {
    **{f"8 KB of {name}": partial(ask_shortly, text) for name, text in TEXTS.items()},
    **{f"2 MB of {name}": partial(ask_long, text) for name, text in TEXTS.items()},
    **{f"32 KB of {name}": partial(fill_body, HEAVY_BYTES, *each) for name, each in SHAPES.items()},
    **{f"2 MB of {name}": partial(fill_body, BODY_BYTES, *each) for name, each in SHAPES.items()},
    "2 MB of too many lists": partial(fill_body, BODY_BYTES, b"[]", BODY_BYTES, 400),
    **{f"2 MB at {name}": partial(ask_at, door) for name, door in DOORS.items()},
    "1,024 turns of 2 MB": lambda: ask_chat(messages=turn(LONG()[:1_900])["messages"] * 1_024),
    "64 turns of 8 KB": lambda: ask_chat(messages=turn(SENTENCE * 3)["messages"] * 64),
    "30,000 turns": lambda: ask_chat(messages=turn("a")["messages"] * 29_900)._replace(status=400),
    "30,000 parts": lambda: ask_chat(**turn([{"type": "text", "text": "a"}] * 29_900)),
    "tools of 512 KB": lambda: ask_chat(tools=[tool(4_000)] * 120),
    "a schema of 64 KB": lambda: ask_chat(response_format=schema(2_500))._replace(status=400),
    **{f"{name}, written anew": partial(write_anew, value) for name, value in ANEW.items()},
    "a body that breaks off": lambda: Input(
        request(paths.CHAT, b'{"x":["' + b'","' * 600_000), HELLO, 400
    ),
    "a number of 2 MB": lambda: Input(
        request(paths.CHAT, b'{"x":' + b"1" * 2_000_000 + b"}"), HELLO, 400
    ),
    "history of 1,024 turns": lambda: GENERATE.tell(
        chat_words(["Hi."]), history=[{"role": "user", "content": LONG()[:1_900]}] * 1_024
    ),
    "150,000 token ids": lambda: Input(
        request(paths.COMPLETIONS, orjson.dumps({"prompt": [*range(149_000)]})), HELLO
    ),
    "2 MB of text to count": lambda: Input(
        request(paths.TOKENIZE, orjson.dumps({"prompt": LONG()})), HELLO
    ),
    "a header of 30 KB": lambda: ask_with_head(b"x: " + b"a" * HEADER_BYTES),
    "120 headers": lambda: ask_with_head(*[b"x: a"] * 120),
    "cookies of 30 KB": lambda: ask_with_head(b"cookie: " + b"a=b; " * (HEADER_BYTES // 5)),
    "a query of 30 KB": lambda: ask_with_head(path=f"{paths.CHAT}?{'a=b&' * (HEADER_BYTES // 4)}"),
    "30 KB of trace state": lambda: ask_with_head(b"tracestate: " + b"a=b," * (HEADER_BYTES // 4)),
    "8,000 headers": lambda: ask_with_head(*[b"x: a"] * 8_000, status=431),
    "16 requests at once": pipeline,
    "HTTP chunks of one byte": lambda: in_chunks(orjson.dumps(CHAT.body(LONG()[:300_000])), chunk),
    "a megabyte of empty lines": lambda: Input(b"\r\n" * 500_000 + CHAT.ask(), HELLO),
}

# A text, how often it stands in an event, and how many events there are.
STREAMS: Final = {
    "60,000 events": (" word", 1, 60_000),
    "60,000 events of half a marker": ("<|chan", 1, 60_000),
    "an event of 4 MB": ("word ", EVENT_BYTES // 5, 1),
    "an event of 4 MB of escapes": ("\n", EVENT_BYTES // 2, 1),
}
ANSWERS: Final = {
    "4 MB of text": "word ",
    "4 MB of escapes": "\n",
    "4 MB of markers": "<|channel|>analysis to=",
}
TOKEN: Final = {"token": " word", "logprob": -1.5, "bytes": [32, 119, 111, 114, 100]}
CALL: Final = {"index": 0, "type": "function", "function": {"name": "f", "arguments": "{}"}}
MESSAGE_PARTS: Final[Mapping[str, Callable[[], Json]]] = {
    "4 MB of reasoning": lambda: {"reasoning": "word " * (EVENT_BYTES // 5)},
    "10,000 tool calls": lambda: {"tool_calls": [CALL] * 10_000},
    "30,000 lists": lambda: {"annotations": [[]] * 29_900},
    "150,000 numbers": lambda: {"annotations": [0] * 149_900},
    "20 MB of token ids": lambda: {"token_ids": [150_000] * (ANSWER_BYTES // 7)},
}
HI: Final = {"content": "Hi."}
DELTAS: Final[Mapping[str, Callable[[], Sequence[Json]]]] = {
    "60,000 events of reasoning": lambda: [HI, *[{"reasoning": " so"}] * 60_000],
    "60,000 events of a tool call": lambda: [HI, *[{"tool_calls": [CALL]}] * 60_000],
    "an event of 30,000 lists": lambda: [{**HI, "x": [[]] * 29_900}],
    "an event of 150,000 numbers": lambda: [{**HI, "x": [0] * 149_900}],
}


def tool(properties: int) -> Json:
    """A tool whose parameters are an object of so many bytes."""
    function = {"name": "f", "parameters": schema_of(properties // 20)}
    return {"type": "function", "function": function}


def schema_of(properties: int) -> Json:
    return {"type": "object", "properties": {f"p{number}": {} for number in range(properties)}}


def schema(properties: int) -> Json:
    """A response format."""
    named = {"name": "f", "schema": schema_of(properties)}
    return {"type": "json_schema", "json_schema": named}


def logprobs_of(tokens: int) -> Json:
    """Twenty at each token: 1.5 KB."""
    return {"content": [{**TOKEN, "top_logprobs": [TOKEN] * 20}] * tokens}


def echo_logprobs(tokens: int) -> Json:
    """The log probabilities of a text completion."""
    each = {
        "tokens": " word",
        "token_logprobs": -1.5,
        "top_logprobs": {f"{n}": -1.5 for n in range(5)},
    }
    return {name: [value] * tokens for name, value in each.items()}


def of_one_byte(data: bytes) -> bytes:
    return b"".join(chunk(data[at : at + 1]) for at in range(len(data)))


def stream_texts(door: Door, text: str, times: int, count: int) -> Input:
    return door.tell(door.events([text * times] * count))


def answer_whole(door: Door, unit: str) -> Input:
    return door.say(door.whole(fill(unit, EVENT_BYTES)))


def answer_with_parts(make: Callable[[], Json]) -> Input:
    """A chat completion with something beside its text."""
    return CHAT.say(completion(message={**HI, **make()}))


def stream_deltas(door: Door, make: Callable[[], Sequence[Json]]) -> Input:
    return door.tell(chat_events(make()))


QUOTED: Final = " ".join(WORDS[:2_000])
BY_ENGINE: Final[Mapping[str, Make]] = {
    **{
        f"{name}: {kind}": partial(stream_texts, door, *form)
        for name, door in DOORS.items()
        for kind, form in STREAMS.items()
    },
    **{
        f"{name}: {kind}": partial(answer_whole, door, unit)
        for name, door in DOORS.items()
        for kind, unit in ANSWERS.items()
        if door is not GENERATE
    },
    **{f"chat: {kind}": partial(answer_with_parts, make) for kind, make in MESSAGE_PARTS.items()},
    **{
        f"{name}: {kind}": partial(stream_deltas, DOORS[name], make)
        for name in ("chat", "generate")
        for kind, make in DELTAS.items()
    },
    "chat: 20 MB of log probabilities": lambda: CHAT.say(
        completion(message={"content": "Hi."}, logprobs=logprobs_of(13_000))
    ),
    "chat: 16 choices of a quarter megabyte": lambda: CHAT.say(
        {**CHAT.whole(""), "choices": [*CHAT.whole("word " * 50_000)["choices"]] * 16}
    ),
    "chat: 5,000 events with log probabilities": lambda: CHAT.tell(
        chat_events([{"content": " word"}] * 5_000, logprobs=logprobs_of(1))
    ),
    "chat: an event of 7 MB of log probabilities": lambda: CHAT.tell(
        chat_events([{"content": " word"}], logprobs=logprobs_of(4_500))
    ),
    "completions: 20 MB of log probabilities": lambda: COMPLETIONS.say(
        completion(text="a " * 320_000, logprobs=echo_logprobs(320_000))
    ),
    "responses: 10,000 items": lambda: RESPONSES.say(
        {**response("Hi."), "output": response("Hi.")["output"] * 9_900}
    ),
    "messages: 30,000 blocks": lambda: MESSAGES.say(
        {**message("Hi."), "content": message("Hi.")["content"] * 29_900}
    ),
    "chat: 60,000 events in one HTTP chunk": lambda: CHAT.tell(
        [b"".join(chat_words([" word"] * 60_000))]
    ),
    "chat: 60,000 events with CR LF": lambda: CHAT.tell(
        event.replace(b"\n", b"\r\n") for event in chat_words([" word"] * 60_000)
    ),
    "chat: HTTP chunks of one byte": lambda: Input(
        CHAT.ask(stream=True),
        SSE_HEAD + of_one_byte(b"".join(chat_words([" word"] * 3_000))) + END,
    ),
    "chat: 9,999 comments": lambda: CHAT.tell([b": ping\n\n" * 9_999, *chat_words(["Hi."])]),
    "chat: an event of 50,000 lines": lambda: CHAT.tell(
        [b'data: {"choices":[]\n' + b"data:\n" * 49_900 + b"data: }\n\n", *chat_words(["Hi."])]
    ),
    "chat: more lists than are taken": lambda: CHAT.say(
        completion(message=HI, x=[[]] * (ANSWER_BYTES // 3))
    )._replace(status=502),
    "chat: 22 MB of text": lambda: CHAT.say(CHAT.whole("word " * 4_400_000))._replace(status=502),
    "chat: an error of a megabyte": lambda: CHAT.refuse({"message": "word " * (ERROR_BYTES // 5)}),
    "chat: an error of 300,000 lists": lambda: CHAT.refuse({"message": "Hi.", "x": [[]] * 300_000}),
    "chat: an error that quotes 150,000 texts": lambda: CHAT.refuse({"message": QUOTED}, x=WORDS),
    "chat: an error that quotes a long text": lambda: CHAT.refuse(
        {"message": SENTENCE * 400}, x=LONG()
    ),
    "chat: an event that quotes 150,000 texts": lambda: CHAT.tell(
        [sse.encode({"error": {"message": QUOTED, "code": 400}})], x=WORDS
    )._replace(status=400),
    "a scrape of 2 MB": lambda: Input(
        request("/v1/mmhie/load", b"", method=b"GET"),
        reply(b'vllm:num_requests_running{engine="0"} 1\n' * 50_000),
    ),
}
INPUTS: Final[Mapping[str, Make]] = {**BY_CALLER, **BY_ENGINE}
