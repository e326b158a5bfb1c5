"""A gpt-oss-shaped model that has memorised a few Harmony conversations, word for word.

`python -m tests.models.harmony FOLDER TOKENIZER` makes it of the weights beside this file, which
`python -m tests.models.harmony_training` makes (two minutes). Asked any question below with the
date pinned, greedily, it gives the answer below and nothing else.
"""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from openai_harmony import (
    Conversation,
    DeveloperContent,
    Message,
    ReasoningEffort,
    Role,
    SystemContent,
    ToolDescription,
)

from tests.models import cache
from tests.models.vocabulary import SIZE, encoding

DATE: Final = "2026-01-01"
# The date is in the prompt, so the engine has to be started with this one.
ENVIRONMENT: Final = {"VLLM_SYSTEM_START_DATE": DATE}
SYSTEM: Final = "You are a medical reasoning assistant"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and what the model was taught to think and say."""

    question: str
    reasoning: str
    answer: str


FEVER: Final = Exchange(
    "What is a fever?",
    "The user asks for a definition. I give the usual limit in degrees.",
    "A fever is a body temperature above 38 °C. It is often a sign of an infection.",
)
ANAEMIA: Final = Exchange(
    "Name a sign of anaemia.",
    "Pallor and fatigue are typical. One is enough.",
    "Pale skin is a common sign of anaemia.",
)
ASTHMA: Final = Exchange(
    "How is asthma treated?",
    "There are relievers and controllers. Relievers open the airways within minutes, "
    "controllers calm the inflammation over weeks. I should name both and say who decides.",
    "With an inhaled reliever for attacks and an inhaled steroid to prevent them; a doctor "
    "chooses the doses.",
)
COUNTING: Final = Exchange(
    "Count to forty in words.",
    "Just count.",
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty twenty-one twenty-two twenty-three twenty-four "
    "twenty-five twenty-six twenty-seven twenty-eight twenty-nine thirty thirty-one thirty-two "
    "thirty-three thirty-four thirty-five thirty-six thirty-seven thirty-eight thirty-nine forty",
)
EXCHANGES: Final = (FEVER, ANAEMIA, ASTHMA, COUNTING)

# The reasoning for FEVER by effort.
EFFORTS: Final = {
    "low": "Short.",
    "high": "The user asks for a definition. First the limit, then the cause. Both are well "
    "known. I check the limit again: 38 °C. Good.",
}

# Broken Harmony, as models now and then write it: special tokens are spelled out here.
ENDLESS: Final = Exchange("Think, but do not answer.", "I only think about it.", "")
LEAKING: Final = Exchange(
    "Think aloud.", "", "It is benign.<|channel|>analysis<|message|>Or is it? I am not sure."
)

TOOL: Final[dict[str, Any]] = {
    "name": "look_up_dose",
    "description": "The usual dose of a drug.",
    "parameters": {
        "type": "object",
        "properties": {"drug": {"type": "string"}},
        "required": ["drug"],
    },
}
TOOL_QUESTION: Final = "What is the usual dose of ibuprofen?"
TOOL_REASONING: Final = "I look it up."
TOOL_ARGUMENTS: Final = '{"drug": "ibuprofen"}'

HIDDEN: Final = 64
# What was trained; rows of the vocabulary for the tokens that occur (`used`) and no others.
WEIGHTS: Final = Path(__file__).with_suffix(".safetensors")
Ids = list[int]


@dataclass(frozen=True, slots=True)
class Lesson:
    """Token ids of a prompt and of what has to follow."""

    prompt: Ids
    completion: Ids


def model() -> Path:
    """The model's folder, built if need be."""
    tokenizer = cache.built("vocabulary")
    return cache.built("harmony", "vocabulary", arguments=(str(tokenizer),))


def said(exchange: Exchange, reasoning: str | None = None) -> str:
    """Return the assistant's output, special tokens spelled out."""
    thought = exchange.reasoning if reasoning is None else reasoning
    analysis = f"<|channel|>analysis<|message|>{thought}" if thought else ""
    final = f"<|channel|>final<|message|>{exchange.answer}" if exchange.answer else ""
    between = "<|end|><|start|>assistant" if analysis and final else ""
    return f"{analysis}{between}{final}<|return|>"


def prompt(
    question: str, *, system: str | None = SYSTEM, effort: str = "medium", tools: bool = False
) -> Ids:
    """As vLLM renders it: the client's system message is Harmony's developer message."""
    opening = (
        SystemContent.new()
        .with_reasoning_effort(ReasoningEffort(effort.capitalize()))
        .with_conversation_start_date(DATE)
    )
    messages = [Message.from_role_and_content(Role.SYSTEM, opening)]
    if system or tools:
        developer = DeveloperContent.new()
        developer = developer.with_instructions(system) if system else developer
        tool = ToolDescription.new(**TOOL)
        developer = developer.with_function_tools([tool]) if tools else developer
        messages.append(Message.from_role_and_content(Role.DEVELOPER, developer))
    messages.append(Message.from_role_and_content(Role.USER, question))
    conversation = Conversation.from_messages(messages)
    return list(encoding().render_conversation_for_completion(conversation, Role.ASSISTANT))


def lessons() -> Iterator[Lesson]:
    """Every conversation, with the gateway's system message and with none."""
    call = (
        f"<|channel|>analysis<|message|>{TOOL_REASONING}<|end|><|start|>assistant"
        f"<|channel|>commentary to=functions.look_up_dose <|constrain|>json"
        f"<|message|>{TOOL_ARGUMENTS}<|call|>"
    )
    for system in (SYSTEM, None):
        for exchange in (*EXCHANGES, ENDLESS, LEAKING):
            yield lesson(prompt(exchange.question, system=system), said(exchange))
        for effort, reasoning in EFFORTS.items():
            asked = prompt(FEVER.question, system=system, effort=effort)
            yield lesson(asked, said(FEVER, reasoning))
        yield lesson(prompt(TOOL_QUESTION, system=system, tools=True), call)


def lesson(asked: Ids, answer: str) -> Lesson:
    return Lesson(asked, encoding().encode(answer, allowed_special="all"))


def shaped() -> Any:
    """Make the model with random weights, the same each time."""
    import torch
    from transformers import GptOssConfig, GptOssForCausalLM

    torch.manual_seed(0)
    return GptOssForCausalLM(
        GptOssConfig(
            num_hidden_layers=2,
            hidden_size=HIDDEN,
            intermediate_size=HIDDEN,
            num_local_experts=4,
            num_experts_per_tok=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=64,
            vocab_size=SIZE,
            layer_types=["sliding_attention", "full_attention"],
            eos_token_id=[200002, 199999, 200012],
            pad_token_id=199999,
        )
    )


def main(folder: Path, tokenizer: Path) -> None:
    """Fill in what was trained, check, write."""
    from safetensors.torch import load_file

    trained, weights = shaped(), load_file(WEIGHTS)
    fill(trained, **{name: weights.pop(name) for name in ("used", "rows", "table")})
    trained.model.load_state_dict(weights, strict=False)
    check(trained, list(lessons()))
    trained.save_pretrained(folder)
    for file in tokenizer.glob("*.js*"):
        shutil.copyfile(file, folder / file.name)
    shutil.copyfile(tokenizer / "chat_template.jinja", folder / "chat_template.jinja")


def fill(trained: Any, used: Any, rows: Any, table: Any) -> None:
    """Set the rows of the tokens that occur; the others' output is zero."""
    import torch

    with torch.no_grad():
        trained.lm_head.weight.zero_()
        trained.lm_head.weight[used] = rows.float()
        trained.model.embed_tokens.weight[used] = table.float()


def check(trained: Any, taught: list[Lesson]) -> None:
    """Every taught token is the likeliest of the whole vocabulary, by far, in bfloat16."""
    import torch

    trained.to(torch.bfloat16).eval()
    for lesson in taught:
        tokens = torch.tensor([lesson.prompt + lesson.completion])
        with torch.no_grad():
            hidden = trained.model(tokens[:, :-1]).last_hidden_state[0, len(lesson.prompt) - 1 :]
            sure = trained.lm_head(hidden).float().softmax(dim=1)
        given = sure.gather(1, torch.tensor(lesson.completion)[:, None])
        assert given.min() > 0.6, (given.min(), encoding().decode(lesson.completion))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
