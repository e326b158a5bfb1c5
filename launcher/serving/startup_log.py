"""Progress of an engine's start, and the cause of its end, read from the lines it writes.

The lines are vLLM 0.32's, as captured; the engine's /health alone decides that it is ready.
"""

import re
from collections.abc import Sequence

from launcher.serving.status_file import Phase

BEGIN = Phase("starting", "Starting the engine.", 0.0)
FIRST_TOKEN = Phase("loading", "Generating a first token, which compiles kernels.", 0.99)
# The share of a start from which the model is loading and no longer just starting.
LOADING_FROM = 0.2
# Lines that begin a step, and the share of the start done; a percentage in the line spreads over
# both shares.
STEPS = (
    (r"Resolved architecture:", "Starting the engine", 0.1, 0.1),
    (r"Initializing a V1 LLM engine", "Starting the engine", 0.2, 0.2),
    (r"^Fetching \d+ files: +(\d+)%\|", "Downloading the weights", 0.2, 0.4),
    (r"^\S+\.(?:safetensors|bin|gguf): +(\d+)%\|", "Downloading the weights", 0.2, 0.4),
    (r"Starting to load model ", "Loading the weights", 0.4, 0.4),
    (r"checkpoint shards: +(\d+)% Completed", "Loading the weights", 0.4, 0.7),
    (r"Loading weights took ", "Loading the weights", 0.7, 0.7),
    (r"Warming up model for the compilation", "Compiling the model", 0.75, 0.75),
    (r"torch\.compile took |saved AOT compiled ", "Compiling the model", 0.8, 0.8),
    (r"KV cache size: ", "Warming up", 0.85, 0.85),
    (r"Capturing CUDA graphs[^:]*: +(\d+)%\|", "Warming up", 0.85, 0.95),
    (r"init engine \(.*\) took ", "Opening the engine's socket", 0.95, 0.95),
    (r"Starting vLLM server on ", "Opening the engine's socket", 0.98, 0.98),
)


def read_phase(line: str) -> Phase | None:
    """Return the phase that this line shows, if any."""
    for pattern, step, start, end in STEPS:
        if match := re.search(pattern, line):
            share = int(match[1]) / 100 if match.re.groups else 0
            fraction = round(start + (end - start) * share, 3)
            return Phase(
                "loading" if fraction >= LOADING_FROM else "starting", f"{step}.", fraction
            )
    return None


def furthest(so_far: Phase, line: str) -> Phase:
    """Return the later of the phase so far and this line's: ranks report out of step."""
    new = read_phase(line)
    return new if new and (new.progress or 0) >= (so_far.progress or 0) else so_far


PREFIX = re.compile(
    r"^\([^()]*pid=\d+\)\s*|^(?:INFO|WARNING|ERROR|CRITICAL)\s+\d\d-\d\d [\d:]+ \[[^\]]*\] ?"
)
EXCEPTION = re.compile(
    r"^(?:[a-z_]\w*\.)*(?P<name>[A-Z]\w*(?:Error|Exception|Exit)): *(?P<message>.*?) *$"
)
ARGUMENT = re.compile(r"^\S+: error: (?P<message>.+)")
REPORTED = re.compile(r"^(?:[\w.-]+ cannot be started|Fatal Python error|Killed)\b.*")
# Messages that only report an error further up.
CONSEQUENCES = (
    "Engine core initialization failed",
    "EngineCore encountered an issue",
    "WorkerProc initialization failed",
    "Executor failed",
    "cancelled",
)
# The next exception, raised while handling the one before, replaces it.
REPLACED = "During handling of the above exception, another exception occurred"
VALIDATION = re.compile(r"\d+ validation errors? for ")
PYDANTIC_TAIL = re.compile(r" \[type=\w+, .*$")
LONGEST_CAUSE = 300


def root_cause(lines: Sequence[str]) -> str | None:
    """Return the message in vLLM's output that says why it ended; None when there is none.

    The first exception is the cause: the later ones are raised by who waited for it.
    """
    plain = [strip(line) for line in lines]
    causes: list[str] = []
    for index, line in enumerate(plain):
        if line.startswith(REPLACED):
            causes = causes[:-1]
        elif cause := cause_at(plain, index):
            causes.append(cause)
    first = (cause for cause in causes if not any(words in cause for words in CONSEQUENCES))
    return next(first, causes[0] if causes else None)


def strip(line: str) -> str:
    """Remove the process, level, time and place before a log line's message."""
    while (shorter := PREFIX.sub("", line, count=1)) != line:
        line = shorter
    return line


def cause_at(lines: Sequence[str], index: int) -> str | None:
    """Return the cause this line states; an exception's message may stand on the lines below it."""
    line, below = lines[index], lines[index + 1 : index + 4]
    if argument := ARGUMENT.match(line):
        return argument["message"]
    if REPORTED.match(line):
        return line
    match = EXCEPTION.match(line)
    if match is None:
        return None
    message = match["message"] or match["name"]
    if VALIDATION.match(message):
        message = validation(below)
    elif message.endswith(":"):
        message = " ".join((message, *(part.strip() for part in below)))
    return message if len(message) <= LONGEST_CAUSE else f"{message[: LONGEST_CAUSE - 1]}…"


def validation(below: Sequence[str]) -> str:
    """Return Pydantic's message, which stands under its headline, after the field's name."""
    first, second = (PYDANTIC_TAIL.sub("", part.strip()) for part in (*below, "", "")[:2])
    whole = "Value error, "
    return first.removeprefix(whole) if first.startswith(whole) else f"{first}: {second}"
