"""The same request to the engine and through the gateway: equal, but for the label that is added.

Status, content type and every byte are compared; ids and clocks, which are new in every answer,
are made equal first.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.compatibility.comparison import (
    by_choice,
    labelled_places,
    said_again,
    says_no_more,
    text_of,
    unlabelled,
    unlabelled_chunk,
    unlabelled_event,
    without_text,
)
from tests.compatibility.shape import ANSWERS, CANARY, Form, Shape
from tests.compatibility.tables import cases
from tests.contract.difference import frames, settled
from tests.gateway.safety.test_harmony import fed
from tests.real.conftest import Begin
from tests.real.serving import Served

pytestmark = pytest.mark.slow

ROUNDS = 8  # before an engine that answers in its own way each time is called that
VARIES = "the engine's answers vary"
BUDGET = "MMHIE_MAX_REASONING_TOKENS"
REPLACED = ("MMHIE_PORT", "MMHIE_ENGINE_URL", "MMHIE_ENGINE_API_KEY", BUDGET)


def row_id(value: Shape | Form) -> str:
    """For pytest."""
    return value if isinstance(value, str) else f"{value.path} {value.name}"


@dataclass(frozen=True)
class Pair:
    """Two ways to one engine, and the name its model goes by."""

    direct: httpx2.Client
    through: httpx2.Client
    model: str

    def ask(self, shape: Shape, form: Form, *, through: bool) -> httpx2.Response:
        """One answer; the request id is the same on both ways, and so are ids made from it."""
        client = self.through if through else self.direct
        headers = {"x-request-id": "compared", "content-type": "application/json"}
        if shape.raw:
            return client.post(shape.path, content=shape.raw, headers=headers)
        return client.post(shape.path, json=shape.request(self.model, form), headers=headers)


@pytest.fixture(scope="module")
def embedded(client: httpx2.Client, direct: httpx2.Client, model: str) -> Pair:
    """The embedded model's engine."""
    return Pair(direct, client, model)


@pytest.fixture(scope="module")
def unbudgeted(gpt_oss: Served, begin: Begin) -> Iterator[Pair]:
    """The gpt-oss-shaped model's engine, behind a gateway without a reasoning budget."""
    ours = {n: v for n, v in gpt_oss.stack.gateway_environ.items() if n.startswith("MMHIE_")}
    settings = {name: value for name, value in ours.items() if name not in REPLACED}
    with gpt_oss.stack.direct() as direct:
        yield Pair(direct, begin(gpt_oss.stack, **settings).client, gpt_oss.model)


@pytest.mark.parametrize(("shape", "form"), cases("embedded"), ids=row_id)
def test_embedded(embedded: Pair, shape: Shape, form: Form) -> None:
    """SmolLM2 on vLLM answers the same both ways."""
    compare(embedded, shape, form)


@pytest.mark.parametrize(("shape", "form"), cases("gpt-oss"), ids=row_id)
def test_gpt_oss(unbudgeted: Pair, shape: Shape, form: Form) -> None:
    """Harmony on vLLM: reasoning, its cuts, and tools."""
    compare(unbudgeted, shape, form)


def compare(pair: Pair, shape: Shape, form: Form) -> None:
    """Ask both ways until an answer equals a direct one before it; skip if the direct ones vary."""
    direct = []
    for _ in range(ROUNDS):
        direct.append(pair.ask(shape, form, through=False))
        check_premise(shape, direct[-1])
        got = pair.ask(shape, form, through=True)
        if any(difference(shape, sent, got) is None for sent in direct):
            return
    varies = len({core(answer) for answer in direct}) > 1 or is_joined_otherwise(direct[-1], got)
    assert varies, difference(shape, direct[-1], got)
    pytest.skip(VARIES)


def check_premise(shape: Shape, sent: httpx2.Response) -> None:
    """The engine does with the shape what the table says it is there for."""
    if is_late(sent):
        assert shape.late, sent.text
    else:
        assert sent.status_code == shape.status, sent.text
        assert shape.shows in sent.text, sent.text


def is_late(sent: httpx2.Response) -> bool:
    """Return whether the engine has said 200 and then nothing but an error."""
    return is_stream(sent) and sent.content.startswith(b'data: {"error"')


def core(answer: httpx2.Response) -> bytes:
    """An answer's bytes as they are compared."""
    data = settled(answer.content)
    return b"".join(by_choice(frames(data))) if is_stream(answer) else data


def is_joined_otherwise(sent: httpx2.Response, got: httpx2.Response) -> bool:
    """Return whether one text came in another number of events: a busy engine joins tokens."""
    before, after = events(sent), events(got)
    return len(before) != len(after) and text_of(before) == text_of(after)


def is_stream(answer: httpx2.Response) -> bool:
    return answer.headers["content-type"].startswith("text/event-stream")


def difference(shape: Shape, sent: httpx2.Response, got: httpx2.Response) -> Any:
    """Return the first difference that is not allowed; None when there is none."""
    if is_late(sent):
        error = json.loads(frames(sent.content)[0].removeprefix(b"data: "))
        same = got.status_code == error["error"]["code"] == shape.status
        return refusal_difference(shape, error, got.json()) if same else (sent.text, got.text)
    heads = [(answer.status_code, answer.headers["content-type"]) for answer in (sent, got)]
    if heads[0] != heads[1]:
        return heads, got.text
    if sent.status_code != 200:
        return refusal_difference(shape, sent.json(), got.json())
    if leaks(shape, sent) or (shape.waits and is_stream(sent)):
        return text_difference(sent, got, leaks=leaks(shape, sent))
    if is_stream(sent):
        return stream_difference(shape, settled(sent.content), settled(got.content))
    rest, label = unlabelled(settled(got.content))
    return None if label and rest == settled(sent.content) else (sent.text, got.text)


def refusal_difference(shape: Shape, sent: Any, got: Any) -> Any:
    """One error object; its message may be shorter by what the caller had said, and only by it."""
    ours, theirs = dict(got["error"]), dict(sent["error"])
    message, said = ours.pop("message"), theirs.pop("message")
    if shape.own:
        same = set(ours) == set(theirs) and CANARY not in message
    elif shape.quotes:
        same = ours == theirs and says_no_more(message, said) and CANARY not in message
    else:
        same = (ours, message) == (theirs, said)
    return None if same and list(got) == ["error"] else (sent, got)


def leaks(shape: Shape, sent: httpx2.Response) -> bool:
    """Return whether the engine's text holds control markers, if the shape leaves that open."""
    if shape.leaks is not None:
        return shape.leaks
    return fed([text_of(events(sent))])[1]


def events(answer: httpx2.Response) -> list[bytes]:
    """A stream's, or the one document."""
    data = settled(answer.content)
    return frames(data) if is_stream(answer) else [data]


def text_difference(sent: httpx2.Response, got: httpx2.Response, *, leaks: bool) -> Any:
    """All but the text is equal; the text is the engine's less its control markers, of which a
    warning tells, wherever a stream cuts it."""
    before, after = events(sent), events(got)
    clean, is_marked = fed([text_of(before)])
    same = (
        is_marked == leaks == ("harmony_markers_stripped" in got.text)
        and text_of(after) == clean
        and said_again(after) <= {clean}
        and without_text(after) == without_text(before)
    )
    return None if same else (sent.text, got.text)


def stream_difference(shape: Shape, sent: bytes, got: bytes) -> Any:
    """Frame by frame; labels on the first event and on the finishing ones, nowhere else."""
    take = unlabelled_event if shape.path == ANSWERS else unlabelled_chunk
    taken = [take(event) for event in frames(got)]
    rest = [event for event, _ in taken]
    if by_choice(rest) != by_choice(frames(sent)):
        unequal = [(a, b) for a, b in zip(frames(sent), rest, strict=False) if a != b]
        return len(frames(sent)), len(rest), unequal[:3]
    places = [at for at, (_, label) in enumerate(taken) if label]
    return None if places == labelled_places(rest) else (places, labelled_places(rest), got)
