"""MXFP4 experts of gpt-oss unpacked to bfloat16, without loss (OCP microscaling formats 1.0)."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from launcher.checkpoints.tensors import Bytes, Float, TensorSource, pack, raw
from launcher.models.safetensors_header import Tensor

BLOCKS: Final = "_blocks"
SCALES: Final = "_scales"
# The sixteen values of a 4-bit float with two exponent bits and one of mantissa.
VALUES: Final = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], np.float32)
TABLE: Final = np.concatenate([VALUES, -VALUES])
EXPONENT_BIAS: Final = 127


def unpack(blocks: Bytes, scales: Bytes) -> Float:
    """Rows of packed blocks as float32: two values a byte, low half first, 32 to a scale."""
    rows, groups, _ = blocks.shape
    values = np.empty((rows, groups, 32), np.float32)
    values[:, :, 0::2] = TABLE[blocks & 0x0F]
    values[:, :, 1::2] = TABLE[blocks >> 4]
    exponents = scales.astype(np.int32)[:, :, None] - EXPONENT_BIAS
    return np.ldexp(values, exponents).reshape(rows, groups * 32)


def unpacked(blocks: Tensor, known: Mapping[str, Tensor]) -> TensorSource:
    """The bfloat16 tensor a gpt-oss checkpoint has instead: experts x inputs x outputs."""
    name = blocks.name.removesuffix(BLOCKS)
    scales = known[name + SCALES]  # in whatever shard they are
    experts, rows, groups, _ = blocks.shape
    shape = (experts, groups * 32, rows)
    size = 2 * experts * groups * 32 * rows

    def chunks() -> Iterator[bytes]:
        for expert in range(experts):
            values = unpack(raw(part(blocks, expert)), raw(part(scales, expert)))
            yield pack(values.T, "BF16")

    return TensorSource(name, "BF16", shape, size, chunks)


def part(tensor: Tensor, index: int) -> Tensor:
    """One entry along the first dimension."""
    size = tensor.size // tensor.shape[0]
    start = tensor.start + index * size
    return Tensor(tensor.name, tensor.dtype, tensor.shape[1:], tensor.file, start, size)
