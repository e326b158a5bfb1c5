"""Memory that the engine takes, and the KV cache it has, beside the plan's estimate."""

import re
from dataclasses import dataclass
from typing import Final

import psutil

from assurance.acceptance.check import Check, Unmeasured, Verdict
from assurance.acceptance.target import Target
from launcher.planning import hardware

# A server's processes grow with what they have served; a GPU's memory is taken at the start.
TOLERANCE: Final = {"cuda": 0.1, "cpu": 0.15}
KV_LINE: Final = re.compile(r"KV cache size: ([\d,]+) tokens")
WEIGHTS_LINE: Final = re.compile(r"Model loading took ([\d.]+) GiB")


@dataclass(frozen=True, slots=True)
class Memory:
    """GiB of each device (on the CPU: of the machine) and tokens, estimated and measured.

    The engine tells the size of its weights on GPUs only.
    """

    estimated_gib: float
    used_gib: float
    estimated_tokens: int
    tokens: int
    estimated_weights_gib: float
    tolerance: float
    weights_gib: float | None = None

    @property
    def pairs(self) -> dict[str, tuple[float, float]]:
        """Measured and estimated figures, by name."""
        pairs = {
            "memory": (self.used_gib, self.estimated_gib),
            "KV cache": (float(self.tokens), float(self.estimated_tokens)),
        }
        if self.weights_gib is not None:
            pairs["weights"] = (self.weights_gib, self.estimated_weights_gib)
        return pairs


async def measure(target: Target) -> Memory:
    """Read the engine's log and what its processes, or the GPUs, hold now."""
    facts, text = target.facts, target.log.read_text(errors="replace")
    tokens, weights = KV_LINE.findall(text), WEIGHTS_LINE.findall(text)
    if not tokens:
        raise Unmeasured("The engine's log does not say how large its KV cache is")
    used = taken_gib(facts.free_gib) if facts.device == "cuda" else resident_gib(target.processes())
    return Memory(
        estimated_gib=round(facts.memory_gib, 3),
        used_gib=round(used, 3),
        estimated_tokens=facts.kv_tokens,
        tokens=int(tokens[0].replace(",", "")),
        estimated_weights_gib=round(facts.weights_gib, 3),
        tolerance=TOLERANCE[facts.device],
        weights_gib=float(weights[0]) if weights else None,
    )


def taken_gib(before: tuple[float, ...]) -> float:
    """Return how much less is free now on the GPU that lost most."""
    now = (gpu.free_gib or 0.0 for gpu in hardware.detect().gpus)
    return max((had - left for had, left in zip(before, now, strict=False)), default=0.0)


def resident_gib(processes: list[psutil.Process]) -> float:
    """Return what processes hold; memory that they share is counted once (PSS)."""
    return sum(float(process.memory_full_info().pss) for process in processes) / 2**30


def judge(measured: Memory) -> Verdict:
    """Every figure is within the tolerance of its estimate."""
    errors = {name: got / max(made, 1e-9) - 1 for name, (got, made) in measured.pairs.items()}
    wrong = [name for name, error in errors.items() if abs(error) > measured.tolerance]
    named = ", ".join(f"{name} {errors[name]:+.0%}" for name in wrong)
    return Verdict(
        {f"Not as estimated: {named}.": wrong},
        "Memory and KV cache are as the plan estimated.",
        f"{measured.used_gib:.2f} GiB, {measured.tokens:,} tokens of KV cache"
        + (f", weights {measured.weights_gib:.2f} GiB" if measured.weights_gib else ""),
        f"{measured.estimated_gib:.2f} GiB, {measured.estimated_tokens:,} tokens, "
        f"within {measured.tolerance:.0%}",
    )


CHECK: Final = Check("memory", Memory, measure, judge)
