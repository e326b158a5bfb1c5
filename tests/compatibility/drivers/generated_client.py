"""Ask /llm/generate with a client that is generated from the document at an address.

Run by the interpreter of locks/openapi-python-client.txt with that address and a folder.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any


def generate(url: str, folder: str) -> None:
    """Generate the package `made` in a folder; what is left out is said on standard error."""
    command = "from openapi_python_client.cli import app; app()"
    options = ("generate", "--url", f"{url}/openapi.json", "--meta", "none")
    subprocess.run(
        [sys.executable, "-c", command, *options, "--output-path", f"{folder}/made"],
        env={"PATH": str(Path(sys.executable).parent)},  # its formatter is there
        stdout=subprocess.DEVNULL,
        check=True,
    )


def ask(url: str, folder: str) -> Any:
    """Return what the generated function makes of an answer."""
    sys.path.insert(0, folder)
    from made import Client  # type: ignore[import-not-found] # made above
    from made.api.generate import llm_generate  # type: ignore[import-not-found] # made above
    from made.models import GenerateRequest  # type: ignore[import-not-found] # made above

    body = GenerateRequest(prompt="Hello.", max_tokens=3)
    return llm_generate.sync(client=Client(base_url=url), body=body)


if __name__ == "__main__":
    generate(*sys.argv[1:])
    answer = ask(*sys.argv[1:])
    print(type(answer).__name__, answer.finish_reason, answer.mmhie["ai_generated"])  # noqa: T201 - its answer
