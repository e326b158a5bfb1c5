"""Shared parts of the Python drivers; nothing but the standard library."""

import json
import sys
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

ASKED = json.loads(Path(__file__).with_name("asked.json").read_text())
URL, MODEL = sys.argv[1:3]
# Without `strict` vLLM 0.32 makes the model call the tool, but with any arguments.
DOSE = {"name": "dose", "parameters": ASKED["schema"], "strict": True}
TOOL = {"type": "function", "function": DOSE}
NAMED = {"type": "function", "function": {"name": "dose"}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "answer", "schema": ASKED["schema"]}}


# Cases that most drivers leave to another one: what fails is the service.
ELSE = {"failing": "chat", "broken_stream": "stream"}


def serve(cases: Mapping[str, Any]) -> None:
    """Answer case after case by the driver's function of that name; what a library prints goes
    where nobody parses it."""
    told_to, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        name = line.strip().replace(" ", "_")
        try:
            told = {"result": (cases.get(name) or cases[ELSE[name]])()}
        except Exception as problem:  # whatever the client raises is what the test wants to see
            told = {"error": described(problem)}
        told_to.write(json.dumps(told) + "\n")
        told_to.flush()


def completions(create: Callable[..., Any]) -> dict[str, Callable[[], Any]]:
    """Cases of a function whose arguments and answers are those of openai's chat completions, and
    which has been given what is asked."""

    def stream() -> dict[str, Any]:
        chunks = list(create(stream=True))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        return {"text": text, "label": label(chunks[0])}

    def tools() -> dict[str, Any]:
        answer = create(tools=[TOOL], tool_choice=NAMED)
        return called(answer.choices[0].message.tool_calls[0].function, answer)

    def structured_output() -> dict[str, Any]:
        answer = create(response_format=FORMAT)
        return {"value": json.loads(answer.choices[0].message.content), "label": label(answer)}

    endless = {**ASKED["endless"], "extra_body": {"ignore_eos": True}}
    return {
        "chat": lambda: spoken(create()),
        "stream": stream,
        "tools": tools,
        "structured_output": structured_output,
        "not_found": lambda: spoken(create(model="nope")),
        "bad_request": lambda: spoken(create(temperature=-1)),
        "cancel": lambda: leave(create(**endless, stream=True)),
    }


def spoken(answer: Any) -> dict[str, Any]:
    """The text of an answer."""
    return {"text": answer.choices[0].message.content, "label": label(answer)}


def called(call: Any, answer: Any) -> dict[str, Any]:
    """A tool call of an answer."""
    return {"name": call.name, "arguments": json.loads(call.arguments), "label": label(answer)}


def leave(opened: Any) -> dict[str, Any]:
    """Read four chunks of a stream, and close it."""
    seen = list(islice(opened, 4))
    opened.close()
    return {"seen": len(seen)}


def described(problem: Any) -> dict[str, Any]:
    """An exception by its classes, its status and its words."""
    return {
        "kinds": [
            f"{kind.__module__.split('.')[0]}.{kind.__name__}" for kind in type(problem).mro()
        ],
        "status": getattr(problem, "status_code", None),
        "message": str(problem),
    }


def label(answer: Any) -> Any:
    """The disclaimer in a pydantic answer's extra key; None where the client dropped it."""
    extra = (getattr(answer, "model_extra", None) or {}).get("mmhie")
    return extra["disclaimer"]["text"] if extra else None
