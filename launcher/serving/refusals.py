"""vLLM's refusals of a configuration in its own words, and the setting that changes it."""

import re
from typing import Final

OTHER_MODEL: Final = "set MMHIE_REASONER_MODEL to another model"
OTHER_WEIGHTS: Final = "use its 16-bit weights, or a copy in gptq, awq, fp8 or compressed-tensors"
# A part of vLLM's sentence, and what to do; the first row that matches counts.
REMEDIES: Final = (
    (
        r"trust.remote.code|contains custom code",
        "it brings code of its own, which runs only with MMHIE_ENGINE_ARGS=--trust-remote-code and "
        "then has all rights of the engine: read it first, and pin it with "
        "MMHIE_REASONER_REVISION",
    ),
    (r"--runner generate", f"it does not generate text: {OTHER_MODEL}"),
    (
        r"[Aa]rchitectures? .*supported|not recognize this architecture|not supported by Tran",
        f"{OTHER_MODEL}, or install a vLLM that knows it",
    ),
    (r"Pipeline parallelism", "unset MMHIE_DEVICE_MAP"),
    (r"expert.parallel", "correct MMHIE_ENGINE_ARGS"),
    (r"divisible by tensor parallel|not divisible", "set MMHIE_TENSOR_PARALLEL to another number"),
    (r"World size", "lower MMHIE_TENSOR_PARALLEL"),
    (r"max_num_batched_tokens|max_num_seqs", "correct MMHIE_ENGINE_ARGS"),
    (r"max_model_len", "lower MMHIE_MAX_MODEL_LEN"),
    (
        r"does not match the quantization|only supports pre-quantized|already quantized",
        "set MMHIE_QUANTIZE=none",
    ),
    (
        r"Failed to find C compiler|Python\.h",
        "install a C compiler and Python's headers (`apt-get install gcc python3-dev`), or set CC",
    ),
    (r"Minimum capability", f"use a newer GPU, or {OTHER_WEIGHTS}"),
    (r"quantiz|num_bits|activation (?:scheme|order)", OTHER_WEIGHTS),
    (
        r"FP8 KV|kv.cache.dtype|[Bb]?float(?:16|32)",
        "set MMHIE_DTYPE and MMHIE_KV_CACHE_DTYPE to auto",
    ),
    (r"LoRA rank", "merge the adapter (MMHIE_MERGE_ADAPTER=true)"),
    (r"referenced in index but missing", "run `mmhie fetch`, or give the whole folder"),
    (r"argument |unrecognized|invalid choice", "correct MMHIE_ENGINE_ARGS"),
)
# vLLM's advice follows its reason, and its lists of what it knows are long.
SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


def first_sentence(cause: str) -> str:
    """Return the reason without vLLM's advice, which is about flags that are not the user's."""
    return SENTENCE_END.split(cause, maxsplit=1)[0].rstrip(" .")


def with_remedy(cause: str) -> str:
    """Return vLLM's reason for the end of a start, and the remedy if it is known."""
    remedy = next((text for pattern, text in REMEDIES if re.search(pattern, cause)), None)
    return f"{first_sentence(cause)}; {remedy}." if remedy else cause


def refusal(cause: str) -> str:
    """Return the sentence about a configuration that vLLM does not take."""
    sentence = with_remedy(cause)
    return f"vLLM refuses this configuration: {sentence.rstrip('.')}."
