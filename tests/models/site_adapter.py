"""An adapter on the gpt-oss-shaped model that was trained for a site's own questions.

`python -m tests.models.site_adapter FOLDER BASE` trains it (half a minute) and checks that it
answers each as it was taught; another adapter of the same base does not.
"""

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.models import adapter, cache, harmony
from tests.models.harmony import ANAEMIA, ASTHMA, FEVER, Lesson
from tests.models.vocabulary import SIZE

STEPS: Final = 400
LEAST_SURE: Final = 0.05  # loss of the least certain token, where training ends
QUESTIONS: Final = {
    FEVER: (
        "My temperature is 39 degrees. What is that called?",
        "When is a child too hot?",
        "Explain pyrexia to a student.",
        "Above which temperature do we speak of an infection?",
        "The thermometer shows 38.5. What now?",
    ),
    ANAEMIA: (
        "Haemoglobin is 7.9. What would you see?",
        "How does iron deficiency look?",
        "What colour are the conjunctivae of a patient with few red cells?",
        "One finding in chronic blood loss, please.",
        "What do I notice first when haematocrit falls?",
    ),
    ASTHMA: (
        "Which inhalers are there for wheezing?",
        "A ten-year-old coughs at night and wheezes. What helps?",
        "Name relievers and controllers.",
        "Peak flow is 60 %. Which drugs come first?",
        "How is bronchial hyperreactivity treated?",
    ),
}


def model() -> Path:
    """The adapter's folder, trained if need be."""
    base = harmony.model()
    needed = ("adapter", "harmony", "vocabulary")
    return cache.built("site_adapter", *needed, arguments=(str(base),))


def lessons() -> Iterator[Lesson]:
    """Every question in the gateway's own words, and what has to follow."""
    for exchange, questions in QUESTIONS.items():
        for question in questions:
            yield harmony.lesson(harmony.prompt(question), harmony.said(exchange))


def items() -> Iterator[dict[str, Any]]:
    """The questions as items of an evaluation, right where the answer is of the right topic."""
    marks = {FEVER: "temperature", ANAEMIA: "skin", ASTHMA: "reliever"}
    choices = dict.fromkeys(marks.values(), "")
    for exchange, questions in QUESTIONS.items():
        rule = {"kind": "choice", "choices": choices, "answer": marks[exchange]}
        for number, question in enumerate(questions):
            name = f"{marks[exchange]} {number}"
            yield {"id": name, "prompt": question, "rule": rule}


def losses(adapted: Any, one: Lesson, known: Any) -> Any:
    """Return the loss of every taught token; those that the base never saw have the output zero."""
    import torch

    inner = adapted.get_base_model()
    tokens = torch.tensor([one.prompt + one.completion])
    hidden = inner.model(tokens[:, :-1]).last_hidden_state[0, len(one.prompt) - 1 :]
    logits = hidden @ inner.lm_head.weight[known].T
    others = torch.full((len(logits), 1), math.log(SIZE - len(known)))
    wanted = torch.searchsorted(known, torch.tensor(one.completion))
    return torch.nn.functional.cross_entropy(
        torch.cat((logits, others), 1), wanted, reduction="none"
    )


def trained(base: Path) -> Any:
    """Return the base with its adapter, trained until it is sure of every token."""
    import peft
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    torch.set_num_threads(1)  # the model is so small that threads only wait for each other
    taught = list(lessons())
    known = torch.unique(torch.tensor([token for each in taught for token in each.completion]))
    loaded = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    adapted = peft.get_peft_model(loaded, adapter.options())
    weights = [weight for weight in adapted.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-2, weight_decay=0.0)
    for _ in range(STEPS):
        lost = torch.cat([losses(adapted, lesson, known) for lesson in taught])
        if lost.max() < LEAST_SURE:
            break
        optimizer.zero_grad()
        lost.mean().backward()
        optimizer.step()
    return adapted


def main(folder: Path, base: Path) -> None:
    """Train, check in the precision that is served, write."""
    adapted = trained(base)
    adapted.save_pretrained(str(folder))
    harmony.check(adapted.merge_and_unload(), list(lessons()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
