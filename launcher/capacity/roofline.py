"""The time of one engine step: bytes to read and FLOP to compute, over what a GPU can.

A decode step reads every weight that is used (all experts that any sequence picked) and the keys
and values of every sequence, and writes one token of each. Reading a prompt is arithmetic.
"""

from dataclasses import dataclass
from typing import Final

from launcher.capacity.measured import read_flops
from launcher.planning import kv_cache, weights
from launcher.planning.cards import Card
from launcher.planning.memory import Workload

# Fitted by hand to measured.py and rounded: scripts/render/capacity.py prints what they give.
BANDWIDTH_SHARE: Final = 0.7
STEP_OVERHEAD_S: Final = 0.004  # scheduling, sampling, kernel launches
SEQUENCE_OVERHEAD_S: Final = 20e-6  # of each sequence in the batch: sampling, text, its chunk
# Two all-reduces a layer; half of what a second GPU could save is lost to them and to balance.
TENSOR_SHARE: Final = 0.75


@dataclass(frozen=True, slots=True)
class Speed:
    """One engine (a model in a format on `gpus` cards): seconds for a step and for a prompt."""

    workload: Workload
    card: Card

    @property
    def devices(self) -> float:
        """GPUs' worth of speed of one engine."""
        count = self.workload.sizes.devices
        return 1.0 if count == 1 else count * TENSOR_SHARE

    @property
    def bytes_s(self) -> float:
        """Bytes a second the engine reads."""
        return self.card.bandwidth_gb_s * 1e9 * BANDWIDTH_SHARE * self.devices

    @property
    def flops_s(self) -> float:
        """FLOP/s the engine reaches."""
        return read_flops(self.card) * self.devices

    def step_s(self, batch: float, tokens: float) -> float:
        """Seconds of a step that writes one token in each of `batch` sequences of `tokens`."""
        workload = self.workload
        # Keys and values of a sequence, windows of sliding layers included.
        cache = kv_cache.request_bytes(workload.model, round(tokens), workload.kv_dtype)
        attention = batch * cache / self.bytes_s
        reading = self.weight_bytes(batch) / self.bytes_s
        computing = batch * 2 * (self.read_parameters + self.head_parameters) / self.flops_s
        overhead = STEP_OVERHEAD_S + SEQUENCE_OVERHEAD_S * batch
        return overhead + attention + max(reading, computing)

    def prompt_s(self, tokens: float) -> float:
        """Seconds of arithmetic to read a prompt of `tokens`."""
        return tokens * (2 * self.read_parameters + self.attention_flops(tokens / 2)) / self.flops_s

    def attention_flops(self, tokens: float) -> float:
        """FLOP of one token that looks back at `tokens` others."""
        model = self.workload.model
        window = min(tokens, model.sliding_window)
        seen = model.full_layers * tokens + model.sliding_layers * window
        return 4 * model.heads * model.head_dim * seen

    @property
    def read_parameters(self) -> float:
        """Weights one token passes through: the experts it picks, no vocabulary."""
        model = self.workload.model
        picked = model.experts_per_token / model.experts if model.experts else 0.0
        return model.linear_parameters + model.expert_parameters * picked

    @property
    def head_parameters(self) -> int:
        """The output head, which only tokens that are written pass through."""
        return self.workload.model.vocab * self.workload.model.hidden

    def weight_bytes(self, batch: float) -> float:
        """Bytes of weights a step of `batch` tokens reads, whose picks of experts are random."""
        model = self.workload.model
        if not model.experts:
            return self._whole_bytes()
        missed: float = (1 - model.experts_per_token / model.experts) ** batch
        packed = weights.MXFP4_BYTES if self.workload.quantization == "mxfp4" else 2
        return self._whole_bytes() - model.expert_parameters * packed * missed

    def _whole_bytes(self) -> float:
        """All weights but the table of input embeddings, of which a step reads single rows."""
        whole = weights.weight_bytes(
            self.workload.model, self.workload.quantization, self.workload.dtype
        )
        return whole if self.workload.model.tied_embeddings else whole - self.head_parameters * 2
