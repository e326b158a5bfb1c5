"""What test_client_matrix.py leaves out of the official OpenAI clients, on the real engine."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageParam

from requirements import programs
from tests.clients import node
from tests.contract.test_disclaimer import TEXT
from tests.waiting import until

pytestmark = pytest.mark.slow

MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hi."}]


@pytest.fixture(scope="module")
def model(stack: Any) -> str:
    """The served model's public id."""
    listed = httpx2.get(f"{stack.base_url}/v1/models", trust_env=False).json()
    return str(listed["data"][0]["id"])


@pytest.fixture
def client(stack: Any) -> Iterator[OpenAI]:
    """The Python client."""
    with OpenAI(base_url=f"{stack.base_url}/v1", api_key="any", max_retries=0) as opened:
        yield opened


@pytest.fixture
async def async_client(stack: Any) -> AsyncIterator[AsyncOpenAI]:
    """The Python client, asynchronous."""
    url = f"{stack.base_url}/v1"
    async with AsyncOpenAI(base_url=url, api_key="any", max_retries=0) as opened:
        yield opened


@pytest.fixture(scope="module")
def npm() -> None:
    """The npm client is installed."""
    if lacking := programs.reason("node", "npm"):
        pytest.skip(lacking)
    node.install()


def disclaimer(answer: Any) -> str:
    """The disclaimer's text in an answer's extra key."""
    return str(answer.model_extra["mmhie"]["disclaimer"]["text"])


def test_python_completions_and_responses(client: OpenAI, model: str) -> None:
    """The older and the newer API."""
    older = client.completions.create(model=model, prompt="The sky is", max_tokens=6)
    newer = client.responses.create(model=model, input="Say hi.", max_output_tokens=6)
    with client.responses.stream(model=model, input="Say hi.", max_output_tokens=6) as stream:
        helped = stream.get_final_response()

    assert older.choices[0].text
    assert newer.output_text
    assert helped.output_text
    assert disclaimer(older) == disclaimer(newer) == TEXT


def test_python_models_and_headers(client: OpenAI, model: str) -> None:
    """The client understands the rest of the API."""
    assert client.models.retrieve(model).id == model
    raw = client.chat.completions.with_raw_response.create(
        model=model, messages=MESSAGES, max_tokens=2
    )
    assert raw.headers["x-mmhie-ai-generated"] == "true"


async def test_python_async(async_client: AsyncOpenAI, model: str) -> None:
    """Streamed, and left in the middle: the engine has nothing to do a moment later."""
    stream = await async_client.chat.completions.create(
        model=model,
        messages=MESSAGES,
        max_tokens=400,
        stream=True,
        extra_body={"ignore_eos": True},
    )
    seen = 0
    async for _ in stream:
        seen += 1
        if seen == 5:
            break
    await stream.close()

    assert seen == 5
    base_url = str(async_client.base_url).removesuffix("/v1/")
    until(lambda: is_free(base_url))


def is_free(base_url: str) -> bool:
    """Return whether the engine counts no request at work."""
    page = httpx2.get(f"{base_url}/metrics", trust_env=False).text
    counts = re.findall(r"^vllm:num_requests_running\{.*\} (\S+)$", page, re.MULTILINE)
    return set(counts) == {"0.0"}


@pytest.mark.usefixtures("npm")
@pytest.mark.parametrize("case", ["completions", "responsesStream"])
def test_npm_speaks(stack: Any, model: str, case: str) -> None:
    """The APIs of the npm client of which test_client_matrix.py asks nothing."""
    assert node.result(stack.base_url, model, case)["text"].strip()
