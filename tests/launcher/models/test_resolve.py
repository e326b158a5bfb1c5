"""A model's facts from its files alone, or from its name."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from launcher.errors import ModelError
from launcher.models.entries import CONTEXTS
from launcher.models.facts import ModelFacts
from tests.fake_hub import files
from tests.launcher.plans import facts as read

Entries = dict[str, Any]
GgufEntries = dict[str, int | str | list[str]]
LLAMA: Entries = {**files.CONFIG, "max_position_embeddings": 2048}


def folder(path: Path, config: Entries, **files: str) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for name, text in {"config.json": json.dumps(config), **files}.items():
        (path / name.replace("__", ".")).write_text(text)
    return path


def llama(path: Path, **entries: Any) -> ModelFacts:
    """Facts of a folder with a plain configuration, but for these entries."""
    return read(folder(path / "m", {**LLAMA, **entries}))


PACKED = "compressed-tensors"


@pytest.mark.parametrize(
    ("own", "method", "bits"),
    [
        ({"quant_method": "gptq", "bits": 8}, "gptq", 8),
        ({"quant_method": "mxfp4"}, "mxfp4", 4),
        ({"quant_method": "fbgemm_fp8"}, "fp8", 8),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes", 4),
        ({"quant_method": PACKED, "config_groups": {"g": {"weights": {"num_bits": 4}}}}, PACKED, 4),
    ],
)
def test_the_checkpoints_own_quantization(
    tmp_path: Path, own: Entries, method: str, bits: int
) -> None:
    """Method and bits as quantization_config tells them."""
    facts = llama(tmp_path, quantization_config=own)

    assert (facts.quantization, facts.bits) == (method, bits)


TEMPLATE = "chat_template.jinja"
# The type, files beside config.json, whether there is a template, the parsers of reasoning, tools.
TEMPLATES: list[tuple[str, dict[str, str], bool, str | None, str | None]] = [
    ("llama", {}, False, None, None),
    ("llama", {"tokenizer_config.json": '{"chat_template": "{{ x }}"}'}, True, None, None),
    ("llama", {TEMPLATE: "enable_thinking <think>"}, True, "deepseek_r1", None),
    ("llama", {TEMPLATE: "{% if tools %}<tool_call>{% endif %}"}, True, None, "hermes"),
    ("llama", {TEMPLATE: "<tool_call>{{ name }}<arg_key>"}, True, None, "glm45"),
    ("qwen3", {TEMPLATE: "enable_thinking <think>"}, True, "qwen3", None),
    ("gemma4", {}, False, "gemma4", None),
    ("mistral", {TEMPLATE: "[AVAILABLE_TOOLS][TOOL_CALLS][THINK]"}, True, "mistral", "mistral"),
]


@pytest.mark.parametrize(("kind", "beside", "has_template", "reasoning", "tools"), TEMPLATES)
def test_chat_template_reasoning_and_tools(
    tmp_path: Path,
    kind: str,
    beside: dict[str, str],
    has_template: bool,
    reasoning: str | None,
    tools: str | None,
) -> None:
    """The template shows the family's calls and whether the model thinks first; a family's own
    parser is known by the type, also where the language model is one level down."""
    plain = read(folder(tmp_path / "m", {**LLAMA, "model_type": kind}, **beside))
    below = {"model_type": "other", "text_config": {**LLAMA, "model_type": kind}}
    inner = read(folder(tmp_path / "n", {"architectures": ["X"], **below}, **beside))

    told = (plain.chat_template, plain.reasoning_parser, plain.tool_parser)
    assert told == (has_template, reasoning, tools)
    assert inner.reasoning_parser == reasoning


@pytest.mark.parametrize(
    ("entries", "purpose"),
    [
        ({"architectures": ["Qwen2ForRewardModel"]}, "a reward model"),
        ({"architectures": ["UltravoxModel"]}, None),
        ({"architectures": None, "model_type": "unheard"}, None),
    ],
)
def test_what_a_model_is_for(tmp_path: Path, entries: Entries, purpose: str | None) -> None:
    """A class tells that it makes vectors or scores; whether vLLM has it, vLLM says. So do the
    modules of sentence-transformers beside a chat model's class."""
    modules = '[1, {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]'
    embedder = read(folder(tmp_path / "n", LLAMA, **{"modules.json": modules}))
    chat = read(folder(tmp_path / "c", LLAMA, **{"modules.json": '[{"type": "Transformer"}]'}))

    assert llama(tmp_path, **entries).purpose == purpose
    assert (embedder.purpose, chat.purpose) == ("an embedding model", None)


def test_the_least_context_counts(tmp_path: Path) -> None:
    """As the engine takes it; but Command R's `model_max_length` is longer than its positions, and
    counts."""
    for name in CONTEXTS:
        assert llama(tmp_path, **{name: 1024}).context == 1024, name
    assert llama(tmp_path, model_max_length=131_072).context == 131_072


def test_a_vision_models_text_part(tmp_path: Path) -> None:
    """The language model's numbers may be one level down; the gateway passes text alone."""
    text = {key: value for key, value in LLAMA.items() if key != "architectures"}
    seeing = {"architectures": ["X"], "text_config": text, "vision_config": {"hidden_size": 8}}
    facts = read(folder(tmp_path / "v", seeing))

    assert (facts.architecture, facts.hidden, facts.is_multimodal) == ("X", 64, True)
    assert llama(tmp_path, audio_config={"hidden_size": 8}).is_multimodal
    assert not llama(tmp_path).is_multimodal


def test_the_default_model_without_a_hub() -> None:
    """It is an adapter of rank 8 on attention, and its base is known by heart."""
    facts = read("dousery/medical-reasoning-gpt-oss-20b")

    assert facts.adapter is not None
    assert (facts.adapter.rank, facts.adapter.base) == (8, "openai/gpt-oss-20b")
    assert facts.adapter.targets == ("k_proj", "o_proj", "q_proj", "v_proj")
    assert (facts.source, facts.context) == ("openai/gpt-oss-20b", 131072)
    assert (facts.quantization, facts.chat_template, facts.reasoning) == ("mxfp4", True, True)


def adapter(path: Path, **entries: Any) -> Path:
    path.mkdir(parents=True)
    config = {"r": 16, "lora_alpha": 32, "target_modules": ["q_proj"], **entries}
    (path / "adapter_config.json").write_text(json.dumps(config))
    return path


@pytest.mark.parametrize(("pattern", "rank"), [({}, 16), ({"q": 64}, 64)])
def test_an_adapter_folder(tmp_path: Path, pattern: dict[str, int], rank: int) -> None:
    """The base is resolved, and the adapter's own name is the public one; a rank pattern may raise
    single modules. MMHIE_BASE_MODEL wins over what the adapter names, and a repacked copy of
    gpt-oss stands for its original."""
    base = folder(tmp_path / "base", LLAMA)
    named = {"base_model_name_or_path": str(base), "rank_pattern": pattern}
    facts = read(adapter(tmp_path / "tuned", **named))

    assert facts.adapter is not None
    assert (facts.id, facts.source, facts.hidden) == ("tuned", str(base), 64)
    assert facts.adapter.base == "base"  # and not where it lies
    assert (facts.adapter.rank, facts.adapter.alpha) == (rank, 32)
    copy = adapter(tmp_path / "t", base_model_name_or_path="unsloth/gpt-oss-20b-unsloth-bnb-4bit")
    assert read(copy).source == "openai/gpt-oss-20b"
    assert read(copy, base_model=base).source == str(base)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("org/unknown", "mmhie fetch org/unknown"),
        ("/no/such/folder", "There is no /no/such/folder"),
        ("/no/such.gguf", "does not exist"),
        ("a" * 400, "is no name of a model: correct it"),
    ],
)
def test_a_name_that_nothing_here_knows(name: str, sentence: str) -> None:
    """The sentence says how to change that."""
    with pytest.raises(ModelError, match=sentence):
        read(name)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("{", "not valid JSON"),
        ("{}", "or an empty one, so it is no model"),
        ('{"model_type": "x"}', "hidden_size"),
        ('{"hidden_size": 64, "vocab_size": 9}', "has no num_hidden_layers: .*MMHIE_ENGINE_URL"),
        ('{"hidden_size": "wide"}', "hidden_size is 'wide'"),
        ('{"text_config": [1]}', "describes no model"),
        *(
            (json.dumps({**LLAMA, **entries}), r"describes no model: .*\.$")
            for entries in (
                {"sliding_window": -1},
                {"quantization_config": {"quant_method": "gptq", "bits": -3}},
                {"quantization_config": [1]},
            )
        ),
    ],
)
def test_a_broken_config_is_named(tmp_path: Path, config: str, sentence: str) -> None:
    """Not JSON, empty, or without a shape that a model can have: weights below nothing would fit
    everywhere."""
    (tmp_path / "config.json").write_text(config)

    with pytest.raises(ModelError, match=sentence):
        read(tmp_path)


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({"r": "x"}, "r is 'x'"),
        ({"target_modules": [1]}, "target_modules names 1"),
        ({"lora_alpha": float("nan")}, "lora_alpha is nan"),
        ({"base_model_name_or_path": None}, "set MMHIE_BASE_MODEL"),
    ],
)
def test_a_broken_adapter_is_named(tmp_path: Path, entries: Entries, sentence: str) -> None:
    """Before its base is looked for, or anything is loaded."""
    named = {"base_model_name_or_path": "openai/gpt-oss-20b", **entries}

    with pytest.raises(ModelError, match=sentence):
        read(adapter(tmp_path / "t", **named))


def gguf_file(path: Path, entries: GgufEntries) -> Path:
    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    body = b""
    for key, value in entries.items():
        body += text(key)
        if isinstance(value, int):
            body += struct.pack("<II", 4, value)
        elif isinstance(value, str):
            body += struct.pack("<I", 8) + text(value)
        else:
            body += struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries)) + body)
    return path


GGUF: GgufEntries = {
    "general.architecture": "llama",
    "tokenizer.ggml.tokens": [f"t{number}" for number in range(100)],
    "general.file_type": 7,
    "llama.block_count": 2,
    "llama.embedding_length": 64,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "llama.feed_forward_length": 128,
    "llama.context_length": 512,
    "tokenizer.chat_template": "{{ x }}",
}


def test_a_gguf_header(tmp_path: Path) -> None:
    """Shape, bits, vocabulary and template from the header, past a long array of tokens."""
    facts = read(gguf_file(tmp_path / "m.gguf", GGUF))

    assert (facts.format, facts.quantization, facts.bits) == ("gguf", "gguf", 8)
    assert (facts.layers, facts.kv_heads, facts.vocab, facts.context) == (2, 2, 100, 512)
    assert facts.chat_template


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({"general.type": "adapter"}, "no model but of type adapter"),
        ({"split.count": 3}, "is a part of a model without the others: fetch it again"),
    ],
)
def test_a_gguf_file_that_is_no_whole_model(
    tmp_path: Path, entries: GgufEntries, sentence: str
) -> None:
    """Its header has everything that a model needs, and another kind. A model in parts is as large
    as they are together."""
    with pytest.raises(ModelError, match=sentence):
        read(gguf_file(tmp_path / "m.gguf", GGUF | entries))
    first, second = (tmp_path / f"m-0000{number}-of-00002.gguf" for number in (1, 2))
    gguf_file(first, GGUF | {"split.count": 2})
    second.write_bytes(b"0" * 1000)
    assert read(first).weight_bytes == first.stat().st_size + 1000


def test_a_cut_gguf_is_refused(tmp_path: Path) -> None:
    """At every length at which a download may stop."""
    file = gguf_file(tmp_path / "m.gguf", GGUF)
    whole = file.read_bytes()
    for length in (0, 3, 10, 30, 200, 600):
        file.write_bytes(whole[:length])
        with pytest.raises(ModelError, match=r"m\.gguf is not"):
            read(file)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (8, struct.pack("<Q", 2**64 - 1)),
        (9, struct.pack("<IQ", 9, 1) * 5000),
        (99, b""),
    ],
)
def test_a_gguf_header_that_lies(tmp_path: Path, kind: int, value: bytes) -> None:
    """A length that no file has is not believed."""
    file = tmp_path / "m.gguf"
    entry = struct.pack("<Q", 1) + b"a" + struct.pack("<I", kind) + value
    file.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + entry)

    with pytest.raises(ModelError, match=r"m\.gguf is not a complete GGUF file"):
        read(file)


def test_a_record_of_a_merge_that_is_none(tmp_path: Path) -> None:
    """It is named, with what to do."""
    record = '{"adapter": "a", "base": "b", "rank": "x"}'
    with pytest.raises(ModelError, match="is no record of a merge: merge again"):
        read(folder(tmp_path / "m", LLAMA, **{"mmhie_merge.json": record}))
