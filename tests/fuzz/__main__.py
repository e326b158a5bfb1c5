"""Coverage-guided fuzzing: `python -m tests.fuzz --seconds 300 [TARGET ...]` (`make fuzz`).

Atheris watches what of the gateway's code an input reaches; each target gets its share of the time
in a process of its own. What was found worth keeping stays
in .cache/fuzz/TARGET, so that the next run goes on from there; an input that failed is in
.cache/fuzz/failed, and `--replay FILE TARGET` runs it again.
"""

import argparse
import contextlib
import io
import logging
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.seeds import SEEDS, dictionary

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "fuzz"
FAILED = CACHE / "failed"
EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
LONGEST_BYTES = 8192
SLOWEST_S = 60  # one input that takes longer is a finding, too, on a busy machine as well


def corpus(name: str) -> Path:
    """The folder of inputs a target starts from."""
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (folder / f"seed-{number}").write_bytes(seed)
    return folder


def instrument() -> None:
    """Import every target, with the gateway's code as atheris watches it, which takes seconds."""
    import atheris

    with (
        contextlib.redirect_stderr(io.StringIO()),  # it names every module
        atheris.instrument_imports(include=["gateway"]),
    ):
        import tests.fuzz.targets  # noqa: F401 - for the processes that are forked


def run(name: str, options: Sequence[str], log: Path) -> int:
    """Fuzz a target in a process of its own, whose words go to the log; return its exit code."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        import atheris

        from tests.fuzz.targets import TARGETS

        logging.disable()
        atheris.Setup([name, *options], TARGETS[name])
        atheris.Fuzz()  # to the end, which is this process's
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fuzz(name: str, seconds: int) -> tuple[int, str]:
    """Return the number of inputs tried, and the failure if there is one."""
    FAILED.mkdir(parents=True, exist_ok=True)
    words = CACHE / "words"
    words.write_text(dictionary())
    options = [
        str(corpus(name)), f"-dict={words}", f"-max_total_time={seconds}",
        f"-max_len={LONGEST_BYTES}", f"-timeout={SLOWEST_S}",
        f"-artifact_prefix={FAILED}/{name}-", "-print_final_stats=1", "-rss_limit_mb=2048",
    ]  # fmt: skip
    log = CACHE / f"{name}.log"
    code = run(name, options, log)
    output = log.read_text(errors="replace")
    tried = EXECUTED.search(output)
    count = int(tried[1]) if tried else 0
    return count, "" if code == 0 and count else f"{name}: exit code {code}\n{output[-4000:]}"


def replay(name: str, file: Path) -> int:
    """Run one input again, outside of the fuzzer."""
    from tests.fuzz.targets import TARGETS

    TARGETS[name](file.read_bytes())
    return 0


def main(arguments: Sequence[str]) -> int:
    """0 when nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=int, default=300, help="in all, shared by the targets")
    parser.add_argument("--replay", type=Path, help="an input that failed")
    parser.add_argument("target", nargs="*", choices=[*SEEDS, []], default=[])
    given = parser.parse_args(arguments)
    names = given.target or list(SEEDS)
    if given.replay:
        return replay(names[0], given.replay)
    instrument()
    share = max(1, given.seconds // len(names))
    total, failures = 0, []
    for name in names:
        count, failure = fuzz(name, share)
        total += count
        failures += [failure] if failure else []
        print(f"{name:16} {count:>9,} inputs {'FAILED' if failure else ''}", flush=True)  # noqa: T201 - progress
    print(f"{len(names)} targets, {total:,} inputs, {len(failures)} failed")  # noqa: T201 - the result
    print("\n".join(failures), file=sys.stderr)  # noqa: T201
    return 1 if failures else 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
