"""Detection of a ready engine that no longer works: requests are running and no token is made."""

from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

RUNNING = "vllm:num_requests_running"
# Prompt tokens of a long prefill move the second one while no token is generated yet.
TOKENS = ("vllm:generation_tokens_total", "vllm:iteration_tokens_total_sum")


@dataclass(frozen=True, slots=True)
class Activity:
    """Requests running and tokens ever counted, over all engines of a data-parallel group."""

    running: float
    tokens: float


def activity(metrics: str) -> Activity:
    """Read the activity from the engine's metrics; none where they are no Prometheus text."""
    sums = dict.fromkeys((RUNNING, *TOKENS), 0.0)
    # vLLM has a thousand lines, and the parser is slow
    lines = (line for line in metrics.splitlines() if line.startswith((RUNNING, *TOKENS)))
    try:
        for family in text_string_to_metric_families("\n".join(lines)):
            for sample in family.samples:
                if sample.name in sums:
                    sums[sample.name] += sample.value
    except ValueError:
        return Activity(0, 0)
    return Activity(sums[RUNNING], sum(sums[name] for name in TOKENS))


class StallWatchdog:
    """Decides from the engine's metrics whether it has stalled.

    vLLM's count of running requests is the last that its core reported: a core that hangs while
    idle still looks idle. So after a while without a token, a probe has to generate one.
    """

    def __init__(self, stall_s: float, now: float) -> None:
        self._stall_s = stall_s
        self._tokens = 0.0
        self._working_at = self._token_at = now

    def is_stalled(self, latest: Activity | None, now: float) -> bool:
        """Take in the latest activity, None when the engine did not answer."""
        if latest and latest.tokens > self._tokens:
            self.record_token(now)
        if latest and latest.running == 0:
            self._working_at = now
        self._tokens = latest.tokens if latest else self._tokens
        return now - self._working_at >= self._stall_s or now - self._token_at >= 2 * self._stall_s

    def needs_probe(self, now: float) -> bool:
        """Return whether the engine, idle in the reading of now, has to generate a token before as
        long again has passed."""
        return self._working_at == now and now - self._token_at >= self._stall_s

    def record_token(self, now: float) -> None:
        """Note that the engine generated a token."""
        self._working_at = self._token_at = now
