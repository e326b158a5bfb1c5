"""The official openai package."""

import json
import sys
from collections.abc import Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import openai

ASKED = json.loads(Path(__file__).with_name("asked.json").read_text())
URL, MODEL = sys.argv[1:3]
# Without `strict` vLLM 0.32 makes the model call the tool, but with any arguments.
DOSE = {"name": "dose", "parameters": ASKED["schema"], "strict": True}
FORCED: dict[str, Any] = {
    "tools": [{"type": "function", "function": DOSE}],
    "tool_choice": {"type": "function", "function": {"name": "dose"}},
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "answer", "schema": ASKED["schema"]}}

client = openai.OpenAI(base_url=f"{URL}/v1", api_key="any", max_retries=0)
create: Any = partial(client.chat.completions.create, model=MODEL, **ASKED["chat"])


def chat(**more: Any) -> dict[str, Any]:
    answer = create(**more)
    return {"text": answer.choices[0].message.content, "label": label(answer)}


def stream() -> dict[str, Any]:
    chunks = list(create(stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    return {"text": text, "label": label(chunks[0])}


def helper() -> dict[str, Any]:
    with client.chat.completions.stream(model=MODEL, **ASKED["chat"]) as opened:
        answer = opened.get_final_completion()
    return {"text": answer.choices[0].message.content, "label": label(answer)}


def tools() -> dict[str, Any]:
    answer = create(**FORCED)
    call = answer.choices[0].message.tool_calls[0].function
    return {"name": call.name, "arguments": json.loads(call.arguments), "label": label(answer)}


def tools_streamed() -> dict[str, Any]:
    chunks = list(create(**FORCED, stream=True))
    deltas = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    name = "".join(call.function.name or "" for call in deltas)
    written = "".join(call.function.arguments or "" for call in deltas)
    return {"name": name, "arguments": json.loads(written), "label": label(chunks[0])}


def structured_output() -> dict[str, Any]:
    answer = create(response_format=FORMAT)
    return {"value": json.loads(answer.choices[0].message.content), "label": label(answer)}


def responses() -> dict[str, Any]:
    answer = client.responses.create(model=MODEL, **ASKED["responses"])
    return {"text": answer.output_text, "label": label(answer)}


def cancel() -> dict[str, Any]:
    """Read four chunks of a stream, and close it."""
    opened = create(**ASKED["endless"], extra_body={"ignore_eos": True}, stream=True)
    seen = list(islice(opened, 4))
    opened.close()
    return {"seen": len(seen)}


def label(answer: Any) -> Any:
    """The disclaimer in the extra key of an answer."""
    extra = (answer.model_extra or {}).get("mmhie")
    return extra["disclaimer"]["text"] if extra else None


def describe(problem: Exception) -> dict[str, Any]:
    """An exception by its classes, its status and its words."""
    kinds = [f"{kind.__module__.split('.')[0]}.{kind.__name__}" for kind in type(problem).mro()]
    status = getattr(problem, "status_code", None)
    return {"kinds": kinds, "status": status, "message": str(problem)}


def serve(cases: Mapping[str, Any]) -> None:
    """Answer case after case; what a library prints goes where nobody parses it."""
    told_to, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        try:
            told = {"result": cases[line.strip().replace(" ", "_")]()}
        except Exception as problem:  # whatever the client raises is what the test wants to see
            told = {"error": describe(problem)}
        told_to.write(json.dumps(told) + "\n")
        told_to.flush()


own = {
    "not_found": lambda: chat(model="nope"),
    "bad_request": lambda: chat(temperature=-1),
    "failing": chat,
    "broken_stream": stream,
}
serve({**own, **vars()})
