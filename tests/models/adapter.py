"""A LoRA adapter on the gpt-oss-shaped model, as PEFT writes one, and the logits PEFT gets with it.

`python -m tests.models.adapter FOLDER BASE` makes it of the weights beside this file, which
`python -m tests.models.adapter_training BASE` makes: the adapted model answers one of the base's
questions with what the base says to another.
"""

import shutil
import sys
from pathlib import Path
from typing import Any, Final

from tests.models import cache, harmony

# Attention alone is adapted, so it can only choose among what the base knows.
TAUGHT: Final = harmony.Exchange(
    harmony.FEVER.question, harmony.ANAEMIA.reasoning, harmony.ANAEMIA.answer
)
RANK: Final = 8
WEIGHTS: Final = Path(__file__).with_suffix(".safetensors")
STORED: Final = "adapter_model.safetensors"  # as PEFT names it
LOGITS: Final = "peft_logits.pt"
MAPPING: Final = {
    "base_model_class": "GptOssForCausalLM",
    "parent_library": "transformers.models.gpt_oss.modeling_gpt_oss",
}


def model() -> Path:
    """The adapter's folder, built if need be."""
    base = harmony.model()
    return cache.built("adapter", "harmony", "vocabulary", arguments=(str(base),))


def lesson() -> harmony.Lesson:
    """The question in the gateway's own words, and the adapted answer."""
    return harmony.lesson(harmony.prompt(TAUGHT.question), harmony.said(TAUGHT))


def options(**more: Any) -> Any:
    """PEFT's configuration of the adapter."""
    import peft

    modules = ["q_proj", "k_proj", "v_proj", "o_proj"]
    return peft.LoraConfig(r=RANK, lora_alpha=16, target_modules=modules, **more)


def main(folder: Path, base: Path) -> None:
    """Write the adapter, check it, and write the logits of PEFT's own merge."""
    import peft
    import torch
    from transformers import AutoModelForCausalLM

    of_base = options(base_model_name_or_path=str(base), auto_mapping=MAPPING, inference_mode=True)
    of_base.save_pretrained(str(folder))
    shutil.copyfile(WEIGHTS, folder / STORED)
    taught = lesson()
    start, tokens = len(taught.prompt) - 1, torch.tensor([taught.prompt + taught.completion])
    # The reference: base as it is stored, and PEFT's own merge of the adapter as it is stored.
    stored = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    merged = peft.PeftModel.from_pretrained(stored, str(folder)).merge_and_unload()
    with torch.no_grad():
        logits = merged(tokens[:, :-1]).logits[0, start:]
    assert (logits.argmax(dim=1) == tokens[0, start + 1 :]).all()
    torch.save(logits.float(), folder / LOGITS)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
