"""The o200k vocabulary with Harmony's special tokens, as a tokenizer folder; no download.

oss-harmony carries the vocabulary; decoding every id gives the very bytes of o200k_base.tiktoken.
"""

import base64
import hashlib
import sys
from functools import cache
from pathlib import Path
from typing import Final

from openai_harmony import HarmonyEncoding, HarmonyEncodingName, load_harmony_encoding

from tests.lazy import Lazy

transformers, converters = Lazy("transformers"), Lazy("transformers.convert_slow_tokenizer")

SIZE: Final = 201088
ORDINARY: Final = 199998
SHA256: Final = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
NAMED: Final = {
    199998: "startoftext",
    199999: "endoftext",
    200002: "return",
    200003: "constrain",
    200005: "channel",
    200006: "start",
    200007: "end",
    200008: "message",
    200012: "call",
    200018: "endofprompt",
}
SPECIAL: Final = tuple(
    f"<|{NAMED.get(number, f'reserved_{number}')}|>" for number in range(ORDINARY, 200019)
)
PATTERN: Final = "|".join(
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)
# What gpt-oss's own template renders for messages without tools.
TEMPLATE: Final = (
    "<|start|>system<|message|>You are ChatGPT, a large language model trained by OpenAI.\n"
    "Knowledge cutoff: 2024-06\n"
    "Current date: {{ strftime_now('%Y-%m-%d') }}\n\n"
    "Reasoning: {{ reasoning_effort or 'medium' }}\n\n"
    "# Valid channels: analysis, commentary, final. Channel must be included for every message."
    "<|end|>"
    "{% for message in messages %}"
    "{% if message.role in ('system', 'developer') %}"
    "<|start|>developer<|message|># Instructions\n\n{{ message.content }}<|end|>"
    "{% elif message.role == 'assistant' %}"
    "<|start|>assistant<|channel|>final<|message|>{{ message.content }}<|end|>"
    "{% else %}"
    "<|start|>{{ message.role }}<|message|>{{ message.content }}<|end|>"
    "{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant{% endif %}"
)


@cache
def encoding() -> HarmonyEncoding:
    """Harmony's encoding, loaded once."""
    return load_harmony_encoding(HarmonyEncodingName.HARMONY_GPT_OSS)


def ranks() -> bytes:
    """The content of o200k_base.tiktoken."""
    decode = encoding()._inner.decode_bytes
    lines = (
        base64.b64encode(bytes(decode([number]))) + b" %d\n" % number for number in range(ORDINARY)
    )
    whole = b"".join(lines)
    assert hashlib.sha256(whole).hexdigest() == SHA256
    return whole


def main(folder: Path) -> None:
    """Write the tokenizer."""
    file = folder / "o200k_base.tiktoken"
    file.write_bytes(ranks())
    converter = converters.TikTokenConverter(
        vocab_file=str(file), pattern=PATTERN, extra_special_tokens=list(SPECIAL)
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=converter.converted(),
        bos_token="<|startoftext|>",
        eos_token="<|return|>",
        pad_token="<|endoftext|>",
        chat_template=TEMPLATE,
    )
    assert all(tokenizer.convert_tokens_to_ids(f"<|{NAMED[at]}|>") == at for at in NAMED)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
