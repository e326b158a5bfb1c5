"""Training of the gpt-oss-shaped model: `python -m tests.models.harmony_training`.

It is due when a conversation of `harmony.py` changes, which the check there notices.
"""

from typing import Any, Final

from tests.models.harmony import HIDDEN, WEIGHTS, Lesson, check, fill, lessons, shaped
from tests.models.vocabulary import SIZE

STEPS: Final = 400
SURE: Final = 0.985  # of the least certain token; training ends there


def main() -> None:
    """Train, check, write."""
    import torch
    from safetensors.torch import save_file

    trained, taught = shaped(), list(lessons())
    vocabulary = train(trained, taught)
    fill(trained, **vocabulary)
    check(trained, taught)
    layers = {
        name: value for name, value in trained.model.state_dict().items() if "embed" not in name
    }
    half = {name: vocabulary[name].detach().to(torch.bfloat16) for name in ("rows", "table")}
    save_file({**layers, **half, "used": vocabulary["used"]}, WEIGHTS)


def train(trained: Any, taught: list[Lesson]) -> dict[str, Any]:
    """Train the layers, and return the rows of the vocabulary.

    Only the tokens that occur get an output row; the others' rows are zero.

    A zero row's logit is 0, so the softmax over the whole vocabulary is one over the rows that are
    trained and a constant: exact, and hundreds of times faster than computing it.
    """
    import torch

    ids, mask, labels, used = batch(taught)
    rows = torch.nn.Parameter(torch.randn(len(used), HIDDEN) * 0.02)
    table = torch.nn.Parameter(torch.randn(len(used), HIDDEN) * 0.3)
    idle = torch.full((1,), float(SIZE - len(used))).log()
    others = [value for name, value in trained.model.named_parameters() if "embed" not in name]
    optimizer = torch.optim.AdamW([rows, table, *others], weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 6e-3, total_steps=STEPS, pct_start=0.1
    )
    wanted = labels >= 0
    for step in range(STEPS):
        # Noise makes the answers robust against bfloat16 and other kernels' order of adding.
        vectors = table[ids] + 0.02 * torch.randn(*ids.shape, HIDDEN)
        hidden = trained.model(inputs_embeds=vectors, attention_mask=mask).last_hidden_state
        logits = hidden[wanted] @ rows.T
        scores = torch.cat([logits, idle.expand(len(logits), 1)], dim=1).log_softmax(dim=1)
        chosen = scores.gather(1, labels[wanted][:, None])
        loss = -chosen.mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([rows, table, *others], 1.0)
        optimizer.step()
        schedule.step()
        if step % 10 == 0 and chosen.exp().min() > SURE:
            break
    return {"used": used, "rows": rows, "table": table}


def batch(taught: list[Lesson]) -> tuple[Any, Any, Any, Any]:
    """Ids renumbered to the tokens that occur, mask, next ids where they are taught, and these."""
    import torch

    whole = [lesson.prompt + lesson.completion for lesson in taught]
    used = sorted({number for sequence in whole for number in sequence})
    place = {number: at for at, number in enumerate(used)}
    length = max(map(len, whole)) - 1
    ids = torch.zeros(len(whole), length, dtype=torch.long)
    mask = torch.zeros(len(whole), length, dtype=torch.long)
    labels = torch.full((len(whole), length), -1)
    for row, (lesson, tokens) in enumerate(zip(taught, whole, strict=True)):
        numbers = torch.tensor([place[token] for token in tokens])
        ids[row, : len(tokens) - 1] = numbers[:-1]
        mask[row, : len(tokens) - 1] = 1
        start = len(lesson.prompt) - 1
        labels[row, start : len(tokens) - 1] = numbers[start + 1 :]
    return ids, mask, labels, torch.tensor(used)


if __name__ == "__main__":
    main()
