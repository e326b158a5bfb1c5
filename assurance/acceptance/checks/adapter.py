"""The adapter acts: the same text has other probabilities than under its base."""

from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, NotApplicable, Unmeasured, Verdict
from assurance.acceptance.prompts import PASSAGE
from assurance.acceptance.target import COMPLETIONS, Target, TargetApi
from launcher.planning.engine_command import BASE_NAME

# Natural log of probability: above what rounding moves where the adapter is applied as it serves.
LEAST: Final = 0.1


@dataclass(frozen=True, slots=True)
class Effect:
    """Log-probabilities of a fixed text's tokens, with the adapter and without."""

    adapted: tuple[float, ...]
    base: tuple[float, ...]

    @property
    def largest(self) -> float:
        """The largest difference of one token."""
        pairs = zip(self.adapted, self.base, strict=False)
        return max((abs(first - second) for first, second in pairs), default=0.0)


async def measure(target: Target) -> Effect:
    """Ask the engine for both; a merged adapter's base takes a second start."""
    facts = target.facts
    if not facts.adapter:
        raise NotApplicable("The model is no adapter on a base")
    if facts.is_adapter_merged and facts.is_quick:
        raise NotApplicable(
            "The base of a merged adapter takes a second start; run without --quick"
        )
    adapted = await logprobs(target.engine, facts.model)
    if not facts.is_adapter_merged:
        return Effect(adapted, await logprobs(target.engine, BASE_NAME))
    base = await target.on_base()
    return Effect(adapted, await logprobs(base, await only_model(base)))


async def only_model(engine: TargetApi) -> str:
    """Return the name under which the engine serves its one model."""
    return str((await engine.json("/v1/models"))["data"][0]["id"])


async def logprobs(engine: TargetApi, model: str) -> tuple[float, ...]:
    """Return the log-probability of each token of the passage after its first."""
    body = {"model": model, "prompt": PASSAGE, "max_tokens": 1, "echo": True, "logprobs": 1}
    logprobs = (await engine.json(COMPLETIONS, body))["choices"][0].get("logprobs") or {}
    given = logprobs.get("token_logprobs") or ()
    if len(given) < 3:
        raise Unmeasured("The engine gives no log-probabilities of a prompt")
    # The first has none, the last is generated.
    return tuple(float(logprob) for logprob in given[1:-1])


def judge(measured: Effect) -> Verdict:
    """Some token's probability is another one."""
    acts = measured.largest > LEAST
    return Verdict(
        {"The model answers as its base does: the adapter is not applied.": not acts},
        "The adapter changes what the model expects.",
        f"{measured.largest:.2f} at most of {len(measured.adapted)} tokens",
        f"over {LEAST} of a log-probability",
    )


CHECK: Final = Check("adapter", Effect, measure, judge)
