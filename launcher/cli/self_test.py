"""Facts that only the engine's own environment shows, read in a child process.

`python -m launcher.cli.self_test FOLDER HARMONY WORD ...` loads the vocabulary as the engine would,
has vLLM judge these words of a command line, and prints one JSON object. HARMONY is "harmony" for
gpt-oss. A connection beyond this machine is refused, and named in the result.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

from launcher.serving import engine_judge, refusals, startup_log

TIMEOUT_S: Final = 300.0  # a cold disk or a busy machine takes minutes to import an engine
SAMPLE: Final = "A 54-year-old with chest pain."
CONNECTING: Final = ("socket.getaddrinfo", "socket.connect")  # audit events of CPython


@dataclass(frozen=True, slots=True)
class Result:
    """Size of the vocabulary (0: it did not load), telemetry, hosts that were tried, the error, and
    vLLM's refusal of the command line."""

    tokens: int = 0
    usage_statistics: bool = False
    contacted: list[str] = field(default_factory=list)
    error: str = ""
    refusal: str = ""


def run(
    folder: Path, *, is_harmony: bool, environ: Mapping[str, str], words: Sequence[str] = ()
) -> Result:
    """Return the result of a child with this environment; its failure is an error in it."""
    command = [sys.executable, "-m", __name__, str(folder), "harmony" * is_harmony, *words]
    try:
        done = subprocess.run(
            command, env=environ, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return Result(error=f"it took over {TIMEOUT_S:.0f} s")
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        return Result(error=(done.stderr.splitlines() or ["it ended without a word"])[-1])
    result = Result(**json.loads(lines[-1]))
    cause = startup_log.root_cause(done.stderr.splitlines()) if result.refusal else None
    return replace(result, refusal=refusals.refusal(cause)) if cause else result


def forbid_network(contacted: list[str]) -> None:
    """Refuse connections of this process beyond this machine, and collect their hosts."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        host = host_in(arguments) if event in CONNECTING else ""
        if host not in ("", "localhost", "::1") and not host.startswith("127."):
            contacted.append(host)
            raise OSError(f"{host} would have been contacted")

    sys.addaudithook(hook)


def host_in(arguments: tuple[object, ...]) -> str:
    """Return the host of a look-up (the first argument) or a connection; empty for others."""
    place = arguments[0]
    if isinstance(place, socket.socket):  # its address follows; a Unix socket's is a path
        address = arguments[1]
        place = address[0] if isinstance(address, tuple) else ""
    return place.decode() if isinstance(place, bytes) else str(place or "")


def vocabulary(folder: str, *, is_harmony: bool) -> int:
    """Return the vocabulary's size; it must turn a sentence into tokens and back."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if "chest pain" not in tokenizer.decode(tokenizer.encode(SAMPLE)):
        raise ValueError("a sentence did not survive being turned into tokens and back")
    if is_harmony:  # gpt-oss has a second vocabulary, for its message format
        from openai_harmony import HarmonyEncodingName, load_harmony_encoding

        load_harmony_encoding(HarmonyEncodingName.HARMONY_GPT_OSS).encode(SAMPLE)
    return len(tokenizer)


def usage_statistics() -> bool:
    """Return whether the engine would send usage statistics."""
    from vllm.usage.usage_lib import is_usage_stats_enabled

    return bool(is_usage_stats_enabled())  # type: ignore[no-untyped-call]


def main() -> None:
    """Print the result; what libraries print goes to standard error."""
    contacted: list[str] = []
    forbid_network(contacted)
    with contextlib.redirect_stdout(sys.stderr):
        folder, harmony, *words = sys.argv[1:]
        tokens = vocabulary(folder, is_harmony=bool(harmony))
        refusal = "refused" * bool(words and engine_judge.refuses(words))
        result = Result(tokens, usage_statistics(), contacted, refusal=refusal)
    sys.stdout.write(json.dumps(asdict(result)) + "\n")
    sys.stdout.flush()
    os._exit(0)  # threads of the libraries have nothing left to do


if __name__ == "__main__":
    main()
