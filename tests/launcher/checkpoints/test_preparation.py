"""A plan is made once; a checkpoint that was made for it completes it without a second read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from launcher.checkpoints import gguf
from launcher.checkpoints.preparation import percent, prepared
from launcher.models import weights
from launcher.models.resolve import read_model
from launcher.planning.hardware import parse
from launcher.planning.plan import make_plan
from launcher.settings import load

LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "num_hidden_layers": 30,
    "hidden_size": 576,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "intermediate_size": 1536,
    "vocab_size": 49152,
    "max_position_embeddings": 8192,
}


async def test_a_plan_is_completed_with_what_was_made(tmp_path: Path) -> None:
    """The engine loads the made folder under the public id, on the hardware found at the start."""
    variables = {"MMHIE_REASONER_MODEL": "embedded", "MMHIE_CACHE_DIR": str(tmp_path)}
    settings = load({**variables, "MMHIE_QUANTIZE": "gguf"}, None)
    folder = tmp_path / gguf.key(weights.embedded_file())
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(LLAMA))
    first = make_plan(settings, parse("cpu,ram=16"), read_model(settings))
    steps: list[str] = []

    (plan,) = await prepared((first,), {}, lambda text, _: steps.append(text), steps.append)

    assert steps == ["De-quantizing the model (once)"]
    assert plan.argv[plan.argv.index("--model") + 1] == str(folder)
    assert (plan.preparation, plan.served_model, plan.warnings) == (None, "embedded", ())
    assert plan.decisions.hardware == first.decisions.hardware
    assert plan.decisions.installed == first.decisions.installed


async def test_a_plan_that_lacks_nothing_is_handed_on() -> None:
    """No step is told and nothing is planned anew."""
    settings = load({"MMHIE_REASONER_MODEL": "facebook/opt-1.3b"}, None)
    plans = (make_plan(settings, parse("1x24"), read_model(settings)),)

    assert await prepared(plans, {}, lambda text, _: pytest.fail(text), pytest.fail) is plans


@pytest.mark.parametrize(
    ("line", "share"),
    [
        ("Converting and de-quantizing GGUF tensors...:  31%|███▏      | 85/272 [00:00<", 0.31),
        ("Writing model shards: 100%|██████████| 1/1 [00:00<00:00, 10.91it/s]", 1.0),
        ("31 percent", None),
    ],
)
def test_percent_of_a_progress_bar(line: str, share: float | None) -> None:
    """tqdm's number, as a share."""
    assert percent(line) == share
