"""Checks of the locked GPU build of vLLM behind its configuration, beside what plans believe."""

from typing import Any, Final

import pytest

from launcher.errors import PlanError
from launcher.formats import FORMATS, PLUGINS, READ
from launcher.models import architectures, entries
from launcher.models.config import REASONING_MARKS, TOOL_MARKS, from_config
from launcher.planning import kv_cache, weights
from launcher.planning.cards import Gpu
from launcher.planning.dtype import choose_kv_dtype, is_compiled_at_start
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
KINDS: Final = {"sinks": "gpt-oss-20b", "plain": "llama-8b", "latent": "deepseek-v3"}

Answers = dict[str, dict[str, Any]]


def cache(name: str) -> dict[str, Any]:
    model = FACTS[name]
    return {
        "latent": model.latent.cached if model.latent else 0,
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
@pytest.mark.parametrize("kind", KINDS)
def test_8_bit_caches(answers: Answers, card: str, kind: str) -> None:
    """A plan refuses fp8 where no back end is left, and says so where only FlashInfer is."""
    kinds = answers[card]["attention"][kind]
    place, model = hardware(card), FACTS[KINDS[kind]]
    assert kinds["auto"] is not None
    if kinds["fp8"] is not None:
        assert choose_kv_dtype("fp8", model, place, "cuda") == "fp8"
        assert not is_compiled_at_start("fp8", place)
    elif kind == "plain" and place.capability >= (8, 0):
        assert is_compiled_at_start("fp8", place)
    else:
        with pytest.raises(PlanError, match="8-bit cache"):
            choose_kv_dtype("fp8", model, place, "cuda")


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
            weights._rounded(width, weights.PADDED_HIDDEN),
            weights._rounded(expert, weights.PADDED_INTERMEDIATE),
        ]


@pytest.mark.parametrize("name", MODELS)
def test_the_longest_request(answers: Answers, name: str) -> None:
    """Bytes of a request that fills the context, as the wheel's specs and groups count them."""
    ours = kv_cache.longest_bytes(FACTS[name], TOKENS, IN_FLIGHT)

    assert ours == answers["a100"]["caches"][name]


def test_names_and_limits(answers: Answers) -> None:
    """Parsers a plan may name exist, and ranks of adapters are the wheel's."""
    answer = answers["a100"]
    reasoning = {parser for _, parser in REASONING_MARKS} | set(REASONING_WORDS)
    reasoning |= set(architectures.REASONING.values())
    tools = {parser for _, parser in TOOL_MARKS} | {FACTS["gpt-oss-20b"].tool_parser}
    tools |= set(architectures.TOOLS.values())

    assert reasoning <= set(answer["reasoning_parsers"])
    assert tools <= set(answer["tool_parsers"])
    assert tuple(answer["lora_ranks"]) == weights.LORA_RANKS


def test_what_cannot_chat(answers: Answers) -> None:
    """Classes and types of models are the wheel's."""
    answer = answers["a100"]
    ends = [[end, kind == architectures.CHAT] for end, kind in architectures.ENDS.items()]

    assert ends == [[end, runner == "generate"] for end, runner in answer["ends"]]
    chat = set(answer["chat"]) - set(answer["speech"]) - {"OpenVLAForActionPrediction"}
    others = (answer["pooling"], answer["speech"], answer["drafts"])
    assert set(answer["chat"]) | set(answer["by_transformers"]) == architectures.SERVED
    for names, can_chat in ((chat, True), *((names, False) for names in others)):
        purposes = [architectures.other_purpose({"architectures": [name]}) for name in names]
        assert [purpose is None for purpose in purposes] == [can_chat] * len(names)
    assert set(answer["types"]) <= architectures.KNOWN_TYPES


def test_names_of_entries(answers: Answers) -> None:
    """The wheel looks for these contexts, and its classes map these names."""
    answer = answers["a100"]
    assert set(entries.CONTEXTS) == set(answer["contexts"])
    for mapped in answer["maps"].values():
        for usual, other in mapped.items():
            assert other in entries.NAMES.get(usual, (other, *entries.CONTEXTS)), usual


def test_formats_of_checkpoints(answers: Answers) -> None:
    """Those that the wheel reads with what is locked, the plugins' and AutoRound's other name."""
    answer = answers["a100"]
    read = {name.replace("_", "-") for name in answer["read"]}

    assert set(READ) == read - {"torchao"} | set(PLUGINS) | {"auto-round"}
    assert {name: list(READ[name]) for name in answer["bits"]} == answer["bits"]


@pytest.mark.parametrize("name", ["fp8", "awq", "gptq", "mxfp4", "compressed-tensors"])
def test_capabilities_of_formats(answers: Answers, name: str) -> None:
    """A plan asks for no less than the wheel, and for no less than its oldest card, 7.5."""
    asked = FORMATS[name].capability

    assert 10 * asked[0] + asked[1] == max(75, answers["a100"]["capability"][name])
