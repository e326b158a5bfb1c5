"""A model's facts from its files alone, or from its name."""

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from launcher.errors import ModelError
from launcher.models.entries import CONTEXTS
from launcher.models.facts import ModelFacts
from launcher.models.resolve import read_made
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


def test_a_folder_with_only_its_config(tmp_path: Path) -> None:
    """No weights and no tokenizer are needed to know a model's shape."""
    facts = read(folder(tmp_path / "my-model", LLAMA))

    assert (facts.id, facts.architecture) == ("my-model", "LlamaForCausalLM")
    assert (facts.layers, facts.heads, facts.kv_heads, facts.head_dim) == (2, 4, 2, 16)
    assert (facts.context, facts.dtype, facts.quantization) == (2048, "bfloat16", None)
    assert (facts.local, facts.chat_template, facts.reasoning) == (True, False, False)


PACKED = "compressed-tensors"


@pytest.mark.parametrize(
    ("own", "method", "bits"),
    [
        ({"quant_method": "gptq", "bits": 4}, "gptq", 4),
        ({"quant_method": "gptq", "bits": 8}, "gptq", 8),
        ({"quant_method": "awq", "w_bit": 4}, "awq", 4),
        ({"quant_method": "mxfp4"}, "mxfp4", 4),
        ({"quant_method": "gptq_marlin", "bits": 4}, "gptq", 4),
        ({"quant_method": "fbgemm_fp8"}, "fp8", 8),
        ({"quant_method": "modelopt"}, "modelopt", 8),
        ({"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "FP8"}}, "modelopt", 8),
        ({"quant_method": "unheard-of"}, "unheard-of", 8),
        ({"quant_method": "fp8"}, "fp8", 8),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes", 4),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "bitsandbytes", 8),
        ({"quant_method": PACKED, "config_groups": {"g": {"weights": {"num_bits": 4}}}}, PACKED, 4),
    ],
)
def test_the_checkpoints_own_quantization(
    tmp_path: Path, own: Entries, method: str, bits: int
) -> None:
    """Method and bits as quantization_config tells them."""
    facts = llama(tmp_path, quantization_config=own)

    assert (facts.quantization, facts.bits) == (method, bits)


@pytest.mark.parametrize(
    ("files", "has_template", "parser"),
    [
        ({}, False, None),
        ({"tokenizer_config__json": "{}"}, False, None),
        ({"tokenizer_config__json": '{"chat_template": "{{ x }}"}'}, True, None),
        ({"chat_template__jinja": "{{ x }}"}, True, None),
        ({"chat_template__jinja": "<think>"}, True, "deepseek_r1"),
        ({"chat_template__jinja": "enable_thinking <think>"}, True, "deepseek_r1"),
        ({"chat_template__jinja": "enable_thinking"}, True, None),
    ],
)
def test_chat_template_and_reasoning(
    tmp_path: Path, files: dict[str, str], has_template: bool, parser: str | None
) -> None:
    """A template may be in either file; what it shows tells whether the model thinks first."""
    facts = read(folder(tmp_path, LLAMA, **files))

    assert (facts.chat_template, facts.reasoning_parser) == (has_template, parser)


@pytest.mark.parametrize(
    ("template", "parser"),
    [
        ("{% if tools %}<tool_call>{% endif %}", "hermes"),
        ("<tool_call><function={{ name }}>", "qwen3_coder"),
        ("<tool_call>{{ name }}<arg_key>", "glm45"),
        ("<|python_tag|>", "llama3_json"),
        ("[AVAILABLE_TOOLS][TOOL_CALLS]", "mistral"),
        ("<\uff5ctool\u2581calls\u2581begin\uff5c>", "deepseek_v3"),
        ("{{ messages }}", None),
    ],
)
def test_tool_parser(tmp_path: Path, template: str, parser: str | None) -> None:
    """The chat template shows the family's calls; without tools in it there is no parser."""
    facts = read(folder(tmp_path / "m", LLAMA, **{"chat_template.jinja": template}))

    assert facts.tool_parser == parser


@pytest.mark.parametrize(
    ("model_type", "template", "parser"),
    [
        ("qwen3", "enable_thinking <think>", "qwen3"),
        ("qwen3", "{{ messages }}", None),
        ("gemma4", "", "gemma4"),
        ("nemotron_h", "enable_thinking <think>", "nemotron_v3"),
        ("kimi_k2", "<think>", "kimi_k2"),
        ("minimax_m2", "<think>", "minimax_m2"),
        ("minimax_m2", "", "minimax_m2"),
        ("glm4_moe", "enable_thinking <think>", "glm45"),
        ("smollm3", "enable_thinking <think>", "deepseek_r1"),
        ("mistral", "[THINK]", "mistral"),
        ("mistral", "[INST]", None),
    ],
)
def test_reasoning_parser_of_a_family(
    tmp_path: Path, model_type: str, template: str, parser: str | None
) -> None:
    """The type says whose it is, and the chat template whether this one thinks."""
    files = {"chat_template.jinja": template} if template else {}
    plain = read(folder(tmp_path / "m", {**LLAMA, "model_type": model_type}, **files))
    below = {"model_type": "other", "text_config": {**LLAMA, "model_type": model_type}}
    inner = read(folder(tmp_path / "n", {"architectures": ["X"], **below}, **files))

    assert plain.reasoning_parser == inner.reasoning_parser == parser


OTHER_PURPOSES = [
    ({"architectures": ["Qwen2ForRewardModel"]}, "a reward model"),
    ({"architectures": ["LlamaForSequenceClassification"]}, "a classifier"),
    ({"architectures": ["RobertaForMaskedLM"]}, "an embedding model"),
    ({"architectures": ["Qwen3VLEmbeddingModel"]}, "an embedding model"),
    ({"architectures": ["Qwen3ForCausalLM"]}, None),
    ({"architectures": ["UltravoxModel"]}, None),
    ({"architectures": ["Unheard"]}, None),
    ({"architectures": None, "model_type": "unheard"}, None),
]


@pytest.mark.parametrize(("entries", "purpose"), OTHER_PURPOSES)
def test_what_a_model_is_for(tmp_path: Path, entries: Entries, purpose: str | None) -> None:
    """A class tells that it makes vectors or scores; whether vLLM has it, vLLM says."""
    assert llama(tmp_path, **entries).purpose == purpose


def test_an_embedder_of_a_chat_models_class(tmp_path: Path) -> None:
    """Sentence-transformers' modules say that texts become vectors."""
    modules = [{"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]
    facts = read(folder(tmp_path / "m", LLAMA, **{"modules.json": json.dumps(modules)}))
    chat = read(folder(tmp_path / "n", LLAMA, **{"modules.json": '[1, {"type": "Transformer"}]'}))

    assert (facts.purpose, chat.purpose) == ("an embedding model", None)


@pytest.mark.parametrize(
    ("auto_map", "file"),
    [
        ({"AutoModelForCausalLM": "modeling_internlm2.X"}, "modeling_internlm2.py"),
        ({"AutoConfig": "who/repo--configuration_own.C"}, "configuration_own.py"),
        ({"AutoTokenizer": ["tokenization_own.T", None]}, "tokenization_own.py"),
        ({}, None),
        (["odd"], None),
    ],
)
def test_code_that_a_model_brings(tmp_path: Path, auto_map: Any, file: str | None) -> None:
    """A plan names its file; whether it is needed, vLLM says."""
    assert llama(tmp_path, auto_map=auto_map).own_code == file


def test_modelopts_older_description(tmp_path: Path) -> None:
    """In a file of its own."""
    own = {"quant_algo": "NVFP4", "group_size": 16}
    described = {"hf_quant_config.json": json.dumps({"quantization": own})}
    facts = read(folder(tmp_path / "m", LLAMA, **described))

    assert facts.quantization == "modelopt"


@pytest.mark.parametrize(
    "entries",
    [
        {"num_experts": -2},
        {"sliding_window": -1},
        {"intermediate_size": -8},
        {"num_hidden_layers": 0},
        {"num_hidden_layers": 10**30},
        {"hidden_size": float("inf")},
        {"num_key_value_heads": -4},
        {"head_dim": [64]},
        {"quantization_config": {"quant_method": "gptq", "bits": -3}},
        {"quantization_config": [1]},
    ],
)
def test_numbers_that_are_none(tmp_path: Path, entries: Entries) -> None:
    """Weights below nothing would fit everywhere."""
    with pytest.raises(ModelError, match=r"describes no model: .*\.$"):
        llama(tmp_path, **entries)


@pytest.mark.parametrize("name", CONTEXTS)
def test_the_least_context_counts(tmp_path: Path, name: str) -> None:
    """As the engine takes it; but Command R's `model_max_length` is longer than its positions, and
    counts."""
    assert llama(tmp_path, **{name: 1024}).context == 1024
    assert llama(tmp_path, model_max_length=131_072).context == 131_072


THREE = {"num_hidden_layers": 3, "num_attention_heads": 4}
OLDER: list[tuple[str, Entries, tuple[int, ...]]] = [
    ("falcon", {**THREE, "num_kv_heads": 2}, (3, 2, 2048)),
    ("bloom", {"n_layer": 3, "n_head": 4}, (3, 4, 2048)),
    ("mamba", {"num_hidden_layers": 3}, (3, 1, 2048)),
]


@pytest.mark.parametrize(("model_type", "entries", "shape"), OLDER)
def test_shapes_under_other_names(
    tmp_path: Path, model_type: str, entries: Entries, shape: tuple[int, ...]
) -> None:
    """Layers, heads of keys and values, and context; where none is said, the engine's own 2,048."""
    config = {"hidden_size": 64, "vocab_size": 9, **entries, "model_type": model_type}
    facts = read(folder(tmp_path / "m", config))

    assert (facts.layers, facts.kv_heads, facts.context) == shape


def test_a_shape_that_is_not_understood(tmp_path: Path) -> None:
    """The sentence says who serves it."""
    with pytest.raises(ModelError, match=r"has no num_hidden_layers: .*MMHIE_ENGINE_URL"):
        read(folder(tmp_path / "m", {"hidden_size": 64, "vocab_size": 9, "n_layers": 3}))


def test_layers_without_a_cache_count_as_if_they_had_one(tmp_path: Path) -> None:
    """Linear attention and state spaces take less: the plan is on the safe side."""
    kinds = ["linear_attention", "full_attention"]

    assert llama(tmp_path, layer_types=kinds).full_layers == 2


def test_mistrals_own_layout_alone(tmp_path: Path) -> None:
    """A plan reads the usual layout, and says so."""
    (tmp_path / "params.json").write_text('{"dim": 64}')

    with pytest.raises(ModelError, match=r"Mistral's own layout: use a copy .* config\.json\.$"):
        read(tmp_path)


@pytest.mark.parametrize("part", ["vision_config", "audio_config"])
def test_a_model_with_other_senses(tmp_path: Path, part: str) -> None:
    """The gateway passes text alone."""
    assert llama(tmp_path, **{part: {"hidden_size": 8}}).is_multimodal
    assert not llama(tmp_path).is_multimodal


def test_sliding_layers(tmp_path: Path) -> None:
    """Those that are named, or counted by a pattern; others have a cache of the whole context."""
    kinds = ["sliding_attention", "full_attention"]
    mixed = llama(tmp_path, layer_types=kinds, sliding_window=8)

    assert (mixed.full_layers, mixed.sliding_layers, mixed.sliding_window) == (1, 1, 8)
    assert llama(tmp_path, sliding_window=8, sliding_window_pattern=2).full_layers == 1
    assert llama(tmp_path, sliding_window=8).full_layers == 2


def test_a_vision_models_text_part(tmp_path: Path) -> None:
    """The language model's numbers may be one level down."""
    text = {key: value for key, value in LLAMA.items() if key != "architectures"}
    facts = read(folder(tmp_path, {"architectures": ["X"], "text_config": text}))

    assert (facts.architecture, facts.hidden) == ("X", 64)


def test_the_default_model_without_a_hub() -> None:
    """It is an adapter of rank 8 on attention, and its base is known by heart."""
    facts = read("dousery/medical-reasoning-gpt-oss-20b")

    assert facts.adapter is not None
    assert (facts.adapter.rank, facts.adapter.base) == (8, "openai/gpt-oss-20b")
    assert facts.adapter.targets == ("k_proj", "o_proj", "q_proj", "v_proj")
    assert facts.source == "openai/gpt-oss-20b"
    assert (facts.layers, facts.hidden, facts.heads, facts.kv_heads) == (24, 2880, 64, 8)
    assert (facts.experts, facts.experts_per_token, facts.context) == (32, 4, 131072)
    assert (facts.quantization, facts.chat_template, facts.reasoning) == ("mxfp4", True, True)


def adapter(path: Path, **entries: Any) -> Path:
    path.mkdir(parents=True)
    config = {"r": 16, "lora_alpha": 32, "target_modules": ["q_proj"], **entries}
    (path / "adapter_config.json").write_text(json.dumps(config))
    return path


@pytest.mark.parametrize(("pattern", "rank"), [({}, 16), ({"q": 64}, 64)])
def test_an_adapter_folder(tmp_path: Path, pattern: dict[str, int], rank: int) -> None:
    """The base is resolved, and the adapter's own name is the public one; a rank pattern may raise
    single modules."""
    base = folder(tmp_path / "base", LLAMA)
    named = {"base_model_name_or_path": str(base), "rank_pattern": pattern}
    facts = read(adapter(tmp_path / "tuned", **named))

    assert facts.adapter is not None
    assert (facts.id, facts.source, facts.hidden) == ("tuned", str(base), 64)
    assert facts.adapter.base == "base"  # and not where it lies
    assert (facts.adapter.rank, facts.adapter.alpha) == (rank, 32)


def test_the_base_can_be_replaced(tmp_path: Path) -> None:
    """MMHIE_BASE_MODEL wins over what the adapter names."""
    tuned = adapter(tmp_path / "tuned", base_model_name_or_path="someone/unknown")
    base = folder(tmp_path / "base", LLAMA)

    assert read(tuned, base_model=base).source == str(base)


def test_a_repacked_copy_stands_for_its_original(tmp_path: Path) -> None:
    """An adapter trained on a bitsandbytes copy of gpt-oss is served on the original."""
    tuned = adapter(tmp_path / "t", base_model_name_or_path="unsloth/gpt-oss-20b-unsloth-bnb-4bit")

    assert read(tuned).source == "openai/gpt-oss-20b"


def test_a_hub_id_in_the_cache(tmp_path: Path) -> None:
    """The snapshot main points at is served from its folder, under the hub's id."""
    repository = tmp_path / "models--org--name"
    snapshot = folder(repository / "snapshots" / "abc123", LLAMA)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc123")
    (snapshot / "model.safetensors").write_bytes(b"0")

    facts = read("org/name", hub=tmp_path)

    assert (facts.id, facts.source, facts.revision) == ("org/name", str(snapshot), "abc123")
    assert facts.local


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("org/unknown", "mmhie fetch org/unknown"),
        ("/no/such/folder", "There is no /no/such/folder"),
        ("/no/such.gguf", "does not exist"),
        ("a" * 400, "is no name of a model: correct it"),
        (f"/{'a' * 400}", "is no name of a model: correct it"),
        ("~nobody-of-this-name/m", "is no name of a model: correct it"),
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
        ("{}", "empty config.json"),
        ("[]", "empty config.json"),
        ('{"model_type": "x"}', "hidden_size"),
        ('{"hidden_size": 64, "num_attention_heads": -1}', "num_attention_heads is -1"),
        ('{"hidden_size": "wide"}', "hidden_size is 'wide'"),
        ('{"text_config": [1]}', "describes no model"),
    ],
)
def test_a_broken_config_is_named(tmp_path: Path, config: str, sentence: str) -> None:
    """Not JSON, empty, or without a shape that a model can have."""
    (tmp_path / "config.json").write_text(config)

    with pytest.raises(ModelError, match=sentence):
        read(tmp_path)


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({"r": "x"}, "r is 'x'"),
        ({"r": -8}, "r is -8"),
        ({"rank_pattern": [1]}, "describes no adapter"),
        ({"target_modules": 5}, "describes no adapter"),
        ({"target_modules": [1]}, "target_modules names 1"),
        ({"lora_alpha": float("nan")}, "lora_alpha is nan"),
        ({"lora_alpha": float("-inf")}, "lora_alpha is -inf"),
        ({"lora_alpha": 10**400}, "describes no adapter"),
        ({"base_model_name_or_path": None}, "set MMHIE_BASE_MODEL"),
    ],
)
def test_a_broken_adapter_is_named(tmp_path: Path, entries: Entries, sentence: str) -> None:
    """Before its base is looked for, or anything is loaded."""
    named = {"base_model_name_or_path": "openai/gpt-oss-20b", **entries}

    with pytest.raises(ModelError, match=sentence):
        read(adapter(tmp_path / "t", **named))


def gguf_file(path: Path, entries: GgufEntries) -> Path:
    """A GGUF header written by the specification."""

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
        ({"general.type": "mmproj"}, "no model but of type mmproj"),
        ({"split.count": 3}, "is a part of a model without the others: fetch it again"),
    ],
)
def test_a_gguf_file_that_is_no_whole_model(
    tmp_path: Path, entries: GgufEntries, sentence: str
) -> None:
    """Its header has everything that a model needs, and another kind."""
    with pytest.raises(ModelError, match=sentence):
        read(gguf_file(tmp_path / "m.gguf", GGUF | entries))


def test_a_gguf_model_in_parts(tmp_path: Path) -> None:
    """It is as large as its parts together, each of which has to be there."""
    first, second = (tmp_path / f"m-0000{number}-of-00002.gguf" for number in (1, 2))
    gguf_file(first, GGUF | {"split.count": 2})
    with pytest.raises(ModelError, match=r"m-00002-of-00002\.gguf"):
        read(first)
    second.write_bytes(b"0" * 1000)

    assert read(first).weight_bytes == first.stat().st_size + 1000


@pytest.mark.parametrize("length", [0, 3, 10, 30, 200, 600])
def test_a_cut_gguf_is_refused(tmp_path: Path, length: int) -> None:
    """Refuse it at every length at which a download may stop."""
    file = gguf_file(tmp_path / "m.gguf", GGUF)
    file.write_bytes(file.read_bytes()[:length])

    with pytest.raises(ModelError, match=r"m\.gguf is not"):
        read(file)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (8, struct.pack("<Q", 2**64 - 1)),
        (8, struct.pack("<Q", 2**40)),
        (9, struct.pack("<IQ", 4, 2**63)),
        (9, struct.pack("<IQ", 8, 2**62)),
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


@pytest.mark.parametrize("record", ['{"a": 1}', '{"adapter": "a", "base": "b", "rank": "x"}'])
def test_a_record_of_a_merge_that_is_none(tmp_path: Path, record: str) -> None:
    """It is named, with what to do."""
    with pytest.raises(ModelError, match="is no record of a merge: merge again"):
        read(folder(tmp_path / "m", LLAMA, **{"mmhie_merge.json": record}))


def test_what_was_made_keeps_the_commits_it_was_made_from(tmp_path: Path) -> None:
    """Provenance names both, though the engine reads a folder that has neither."""
    record = {"adapter": "t", "base": "b", "rank": 8, "alpha": 16, "targets": ["q_proj"]}
    made = folder(tmp_path / "made", LLAMA, mmhie_merge__json=json.dumps(record))
    tuned = adapter(tmp_path / "tuned", base_model_name_or_path=str(made))
    model = replace(read(tuned), revision="of the base")
    assert model.adapter is not None
    model = replace(model, adapter=replace(model.adapter, revision="of the adapter"))

    facts = read_made(model, made)

    assert facts.adapter is not None
    assert (facts.revision, facts.adapter.revision) == ("of the base", "of the adapter")
