"""A LoRA adapter on the gpt-oss-shaped model, as PEFT writes one, and the logits PEFT gets with it.

`python -m tests.models.adapter FOLDER BASE` trains it until the adapted model answers one of the
base's questions with what the base says to another.
"""

import sys
from pathlib import Path
from typing import Final

from tests.models import cache, harmony

# Attention alone is adapted, so it can only choose among what the base knows.
TAUGHT: Final = harmony.Exchange(
    harmony.FEVER.question, harmony.ANAEMIA.reasoning, harmony.ANAEMIA.answer
)
RANK: Final = 8
STEPS: Final = 60
LEAST_SURE: Final = 0.02  # loss of the least certain token, where training ends
LOGITS: Final = "peft_logits.pt"


def model() -> Path:
    """The adapter's folder, built if need be."""
    base = harmony.model()
    return cache.built("adapter", "harmony", "vocabulary", arguments=(str(base),))


def lesson() -> harmony.Lesson:
    """The question in the gateway's own words, and the adapted answer."""
    return harmony.lesson(harmony.prompt(TAUGHT.question), harmony.said(TAUGHT))


def main(folder: Path, base: Path) -> None:
    """Train, check, and write the adapter with the logits of the adapted model."""
    import peft
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    one = lesson()
    loaded = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    options = peft.LoraConfig(
        r=RANK, lora_alpha=16, target_modules=["q_proj", "k_proj", "v_proj", "o_proj"]
    )
    adapted = peft.get_peft_model(loaded, options)
    start = len(one.prompt) - 1
    tokens = torch.tensor([one.prompt + one.completion])
    wanted = tokens[0, start + 1 :]
    trained = [weight for weight in adapted.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-2, weight_decay=0.0)
    for _ in range(STEPS):
        logits = adapted(tokens[:, :-1]).logits[0, start:]
        losses = torch.nn.functional.cross_entropy(logits, wanted, reduction="none")
        if losses.max() < LEAST_SURE:
            break
        optimizer.zero_grad()
        losses.mean().backward()
        optimizer.step()
    adapted.save_pretrained(str(folder))
    # The reference: base as it is stored, and PEFT's own merge of the adapter as it is stored.
    stored = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    merged = peft.PeftModel.from_pretrained(stored, str(folder)).merge_and_unload()
    with torch.no_grad():
        logits = merged(tokens[:, :-1]).logits[0, start:]
    assert (logits.argmax(dim=1) == wanted).all()
    torch.save(logits.float(), folder / LOGITS)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
