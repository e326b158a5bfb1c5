"""Facts that only the engine's own environment shows, read in a process of its own.

`python -m assurance.doctor.self_test FOLDER [--harmony]` loads the vocabulary as the engine would
and prints one JSON object. A connection beyond this machine is refused, and named in the result.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

TIMEOUT_S = 300.0  # a cold disk or a busy machine takes minutes to import an engine
SAMPLE = "A 54-year-old with chest pain."


@dataclass(frozen=True, slots=True)
class Result:
    """Size of the vocabulary (0: it did not load), telemetry, hosts that were tried, the error."""

    tokens: int = 0
    usage_statistics: bool = True
    contacted: list[str] = field(default_factory=list)
    error: str = ""


def run(folder: Path, *, is_harmony: bool, environ: Mapping[str, str]) -> Result:
    """Return the result of a child with this environment; its failure is an error in it."""
    flags = ["--harmony"] if is_harmony else []
    command = [sys.executable, "-m", __name__, str(folder), *flags]
    try:
        done = subprocess.run(
            command, env=environ, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return Result(error=f"it took over {TIMEOUT_S:.0f} s")
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        return Result(error=(done.stderr.splitlines() or ["it ended without a word"])[-1])
    return Result(**json.loads(lines[-1]))


def forbid_network(contacted: list[str]) -> None:
    """Refuse connections of this process beyond this machine, and collect their hosts."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        host = _beyond(event, arguments)
        if host is not None:
            contacted.append(host)
            raise OSError(f"{host} would have been contacted")

    sys.addaudithook(hook)


def _beyond(event: str, arguments: tuple[object, ...]) -> str | None:
    """Return the other machine's host in an audit event of CPython, if there is one."""
    if event == "socket.getaddrinfo":
        return _elsewhere(arguments[0])
    if event == "socket.connect":
        connecting, address = arguments
        is_inet = isinstance(connecting, socket.socket) and connecting.family != socket.AF_UNIX
        return _elsewhere(address[0]) if is_inet and isinstance(address, tuple) else None
    return None


def _elsewhere(host: object) -> str | None:
    name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
    return None if name in ("localhost", "::1") or name.startswith("127.") else name


def check(folder: str, *, is_harmony: bool) -> Result:
    """Load everything; the first failure is reported, and the rest still loaded."""
    contacted: list[str] = []
    forbid_network(contacted)
    tokens, error = _load(lambda: vocabulary(folder, is_harmony=is_harmony))
    reports, other = _load(usage_statistics)
    return Result(tokens or 0, reports is not False, contacted, error or other)


# Ways in which the libraries below fail on a folder that is not as they expect.
LIBRARY_FAILURES = (
    *(ArithmeticError, AttributeError, ImportError, LookupError, OSError, RuntimeError),
    *(TypeError, ValueError),
)


def _load(part: Callable[[], int]) -> tuple[int | None, str]:
    try:
        return part(), ""
    except LIBRARY_FAILURES as error:
        return None, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def vocabulary(folder: str, *, is_harmony: bool) -> int:
    """Return the vocabulary's size; it must turn a sentence into tokens and back."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if "chest pain" not in tokenizer.decode(tokenizer.encode(SAMPLE)):
        raise ValueError("a sentence did not survive being turned into tokens and back")
    if is_harmony:
        harmony()
    return len(tokenizer)


def harmony() -> None:
    """Load the second vocabulary of gpt-oss, which the engine uses for its message format."""
    from openai_harmony import HarmonyEncodingName, load_harmony_encoding

    load_harmony_encoding(HarmonyEncodingName.HARMONY_GPT_OSS).encode(SAMPLE)


def usage_statistics() -> bool:
    """Return whether the engine would send usage statistics."""
    from vllm.usage.usage_lib import is_usage_stats_enabled

    return bool(is_usage_stats_enabled())  # type: ignore[no-untyped-call]


def main() -> None:
    """Print the result; what libraries print goes to standard error."""
    with contextlib.redirect_stdout(sys.stderr):
        result = check(sys.argv[1], is_harmony="--harmony" in sys.argv)
    sys.stdout.write(json.dumps(asdict(result)) + "\n")
    sys.stdout.flush()
    os._exit(0)  # threads of the libraries have nothing left to do


if __name__ == "__main__":
    main()
