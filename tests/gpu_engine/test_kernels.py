"""Checks of the locked GPU build of vLLM behind its configuration, beside what plans believe."""

from typing import Any, Final

import pytest

from launcher.formats import FORMATS
from launcher.models import entries, parsers, purpose
from launcher.models.config import from_config
from launcher.planning import kv_cache, weights
from launcher.planning.cards import Gpu
from launcher.planning.engine_command import REASONING_WORDS
from launcher.planning.hardware import Hardware
from tests.gpu_engine.cards import CARDS
from tests.gpu_engine.models import MODELS
from tests.gpu_engine.wheel import ask, environment

pytestmark = pytest.mark.slow

# One card of each compute capability.
ASKED: Final = ("t4", "a100", "l4", "h100", "b200", "b300", "rtx5090")
SHAPES: Final = {f"1/{parts}": (2880, 2880 // parts) for parts in (1, 2, 4, 8)}
TOKENS, IN_FLIGHT = 6160, 4096
FACTS: Final = {name: from_config(config, source=name) for name, config in MODELS.items()}

Answers = dict[str, dict[str, Any]]


def cache(name: str) -> dict[str, Any]:
    model = FACTS[name]
    return {
        "latent": model.latent,
        "kv_heads": model.kv_heads,
        "head_dim": model.head_dim,
        "full": model.full_layers,
        "sliding": model.sliding_layers,
        "window": model.sliding_window,
        "tokens": TOKENS,
        "in_flight": IN_FLIGHT,
    }


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """Return the answers of the wheel, by card."""
    folder = tmp_path_factory.mktemp("kernels")
    questions = {
        "cards": {name: CARDS[name].facts(1) for name in ASKED},
        "shapes": SHAPES,
        "caches": {name: cache(name) for name in MODELS},
    }
    variables, first = environment(folder / "cache"), CARDS["a100"].facts(1)
    loaded: Answers = ask("kernels.py", questions, folder, variables, first)
    return loaded


def hardware(card: str) -> Hardware:
    known = CARDS[card]
    return Hardware(gpus=(Gpu(known.name, known.memory_gib, known.capability),))


@pytest.mark.parametrize("card", ASKED)
def test_expert_kernels_that_take_an_adapter(answers: Answers, card: str) -> None:
    """Marlin and the emulation: no kernel made for the card itself."""
    experts = answers[card]["experts"]

    assert set(experts["with_adapter"]) == {"MARLIN", "EMULATION"}
    assert experts["all"].index("MARLIN") < experts["all"].index("EMULATION")


def test_padding(answers: Answers) -> None:
    """The rounding of the estimate is the wheel's."""
    for name, (width, expert) in SHAPES.items():
        assert answers["a100"]["padded"][name] == [
            weights._round_up(width, weights.PADDED_HIDDEN),
            weights._round_up(expert, weights.PADDED_INTERMEDIATE),
        ]


@pytest.mark.parametrize("name", MODELS)
def test_the_longest_request(answers: Answers, name: str) -> None:
    """Bytes of a request that fills the context, as the wheel's specs and groups count them."""
    ours = kv_cache.longest_bytes(FACTS[name], TOKENS, IN_FLIGHT)

    assert ours == answers["a100"]["caches"][name]


def test_names_and_limits(answers: Answers) -> None:
    """Parsers a plan may name exist, and ranks of adapters are the wheel's."""
    answer = answers["a100"]
    reasoning = {parser for _, parser in parsers.REASONING_MARKS} | set(REASONING_WORDS)
    reasoning |= set(parsers.REASONING.values())
    tools = {parser for _, parser in parsers.TOOL_MARKS} | {FACTS["gpt-oss-20b"].tool_parser}
    tools |= set(parsers.TOOLS.values())

    assert reasoning <= set(answer["reasoning_parsers"])
    assert tools <= set(answer["tool_parsers"])
    assert tuple(answer["lora_ranks"]) == weights.LORA_RANKS


def test_no_class_that_chats_is_refused(answers: Answers) -> None:
    """Whatever the wheel generates text with may be planned."""
    names = answers["a100"]["chat"]

    assert len(names) > 100
    assert not [name for name in names if purpose.other_purpose({"architectures": [name]})]


def test_names_of_contexts(answers: Answers) -> None:
    """The wheel looks for these."""
    assert set(entries.CONTEXTS) == set(answers["a100"]["contexts"])


def test_the_oldest_card_for_mxfp4(answers: Answers) -> None:
    """The default model's format; of the others vLLM says it itself."""
    major, minor = FORMATS["mxfp4"].capability

    assert 10 * major + minor == answers["a100"]["mxfp4_capability"]
