"""Answers of vLLM in a fork for each card: the platform remembers what it asked first."""

import json
import os
import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import sitecustomize  # type: ignore[import-not-found] # of this folder, on PYTHONPATH


def on_card(card: dict[str, Any], answer: Callable[..., Any], *given: Any) -> Any:
    """The result of a function in a process that has this card, and so have its own children."""
    ours, theirs = get_context("fork").Pipe(duplex=False)

    def tell() -> None:
        sitecustomize.Card.use(card)
        theirs.send(answer(*given))

    os.environ["MMHIE_FAKE_CARD"] = json.dumps(card)
    child = get_context("fork").Process(target=tell)
    child.start()
    theirs.close()
    result = ours.recv()
    child.join()
    return result


def answer_file(main: Callable[[Any], Any]) -> None:
    """Read questions from the first file of the command line, and write answers to the second."""
    questions, answers = map(Path, sys.argv[1:])
    answers.write_text(json.dumps(main(json.loads(questions.read_text()))))
