"""Training of the adapter: `python -m tests.models.adapter_training BASE`.

It is due when the base's weights change, or the adapter's lesson, which the check in `adapter.py`
notices.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.models.adapter import STORED, WEIGHTS, lesson, options

STEPS: Final = 60
LEAST_SURE: Final = 0.02  # loss of the least certain token, where training ends


def main(base: Path) -> None:
    """Train and write."""
    import peft
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    taught = lesson()
    loaded = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    adapted = peft.get_peft_model(loaded, options())
    start = len(taught.prompt) - 1
    tokens = torch.tensor([taught.prompt + taught.completion])
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
    with tempfile.TemporaryDirectory() as folder:
        adapted.save_pretrained(folder)
        shutil.copyfile(Path(folder) / STORED, WEIGHTS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
