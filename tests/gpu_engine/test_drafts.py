"""Draft models that `mmhie plan --why` names, before the locked GPU build of vLLM."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.fake_hub import files
from tests.gpu_engine import matrix
from tests.gpu_engine.cards import CARDS
from tests.gpu_engine.models import MODELS
from tests.gpu_engine.test_matrix import write
from tests.gpu_engine.wheel import unpacked
from tests.launcher.plans import plan

pytestmark = pytest.mark.slow

# RedHatAI/gpt-oss-20b-speculator.eagle3, as those who load it have written it down.
LAYER: Final = {
    "model_type": "llama",
    "hidden_size": 2880,
    "num_hidden_layers": 1,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "intermediate_size": 2880,
    "vocab_size": 201088,
    "max_position_embeddings": 131072,
}
DRAFT: Final = {
    "architectures": ["Eagle3DraftModel"],
    "speculators_model_type": "eagle3",
    "draft_vocab_size": 64000,
    "norm_before_fc": True,
    "transformer_layer_config": LAYER,
    "speculators_config": {
        "algorithm": "eagle3",
        "proposal_methods": [{"proposal_type": "greedy", "speculative_tokens": 3}],
        "verifier": {"name_or_path": "openai/gpt-oss-20b", "architectures": []},
    },
}


def plan_line(folder: Path, card: str, **sizes: Any) -> list[str]:
    """The line for the default model's base with this draft."""
    config = {"method": "eagle3", "model": str(folder / "draft"), "num_speculative_tokens": 3}
    drafted = f"--speculative-config '{json.dumps(config)}'"
    ours = {"reasoner_model": folder / "gpt-oss-20b", "engine_args": drafted, **sizes}
    return matrix.line_of(plan(matrix.hardware(CARDS[card]), **ours))


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """The engine's words on one GPU, and on two."""
    folder = tmp_path_factory.mktemp("drafts")
    write(folder / "gpt-oss-20b", MODELS["gpt-oss-20b"])
    write(folder / "draft", DRAFT)
    (folder / "draft" / files.WEIGHTS).write_bytes(files.tensors({"fc.weight": (2, 2)}))
    ways: tuple[dict[str, Any], ...] = ({}, {"tensor_parallel": 2})
    lines = {card: [plan_line(folder, card, **way) for way in ways] for card in ("l4", "h100")}
    return matrix.judged(lines, folder)


@pytest.mark.parametrize("card", ["l4", "h100"])
def test_a_draft_beside_gpt_oss_is_taken(
    card: str, verdicts: dict[str, list[dict[str, Any]]]
) -> None:
    """In the format of the speculators library, with asynchronous scheduling left on."""
    alone, split = verdicts[card]

    assert (alone["refusal"], split["refusal"]) == (None, None)
    assert alone["is_asynchronous"]


def test_gpt_oss_hands_no_states_on() -> None:
    """So that drafts in stages are refused; other models do."""
    models = unpacked() / "vllm" / "model_executor" / "models"
    flag = "supports_aux_hidden_states_over_pp = True"

    assert flag in (models / "llama.py").read_text()
    assert flag not in (models / "gpt_oss.py").read_text()
