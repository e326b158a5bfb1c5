"""The steps of a request, by the functions that take them.

As a program, `python places.py LIBRARY GO` is the gateway of the current folder with the marks of
places.c, which log once the file GO is there.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Final

BACKGROUND: Final = "background: probes, timers"  # what such a frame calls belongs to it as well
LOOP: Final = "event loop, interpreter"  # beneath all frames
# What a frame says, `function (file:line)`, from the innermost out; the first that fits counts.
PLACES: Final[Mapping[str, re.Pattern[str]]] = {
    place: re.compile(words)
    for place, words in {
        "kernel: sockets": r"^(_*(libc_)?(send|writev?|read|recv|epoll_\w+|accept4?)|0x\w+) \(lib",
        BACKGROUND: r"gateway/runtime/(background|loop_w)|\b(main_loop|on_tick|_look|_sync) \(",
        "HTTP server": r"gateway/server/(http_p|request_h)|uvicorn/protocols|fastapi/|starlette/",
        "screen": r"gateway/safety/(red_flags/|prompt_screening|languages)"
        r"|\b(language_of|words_of|votes_in) \(",
        "parse": r"\bparse_request |\bof \(.*gateway/pipeline|gateway/api/(request_text|json_s)",
        "authorise": r"gateway/auth/|\bauthorise \(",
        "admit: limits, memory": r"gateway/(limits|cluster)/",
        "policy": r"gateway/api/|gateway/safety/placement|\brequest_with "
        r"|\b(read|additions|check\w+|early_warnings|policy_for|surroundings) \(.*gateway/proxy",
        "label, digests": r"gateway/safety/(labels|provenance|disclaimer)|\bserving \(|hmac\.py",
        "engine connection": r"gateway/engine/(client|connection)|\bengine_request \(",
        "answer": r"gateway/(proxy|generate)/|gateway/safety/|\b(summary|AnswerSummary.of) \(",
        "response": r"gateway/http/exchange|gateway/server/response_cycle",
        "steps, record": r"gateway/(pipeline|middleware|record|services|hold)|\bobserve \(.*middle",
        "metrics": r"gateway/observability/(metrics|families)|prometheus_client/",
        "audit": r"gateway/audit/",
        "log": r"gateway/observability/logs|logging/",
    }.items()
}


def place_of(stack: Sequence[str]) -> str:
    """Return the step that a stack is in, its outermost frame first."""
    if any(map(PLACES[BACKGROUND].search, stack)):
        return BACKGROUND
    return next(filter(None, map(own_place, reversed(stack))), LOOP)


def own_place(frame: str) -> str:
    """Return the step that a frame takes; empty for a helper of whichever step calls it."""
    return next((place for place, words in PLACES.items() if words.search(frame)), "")


if __name__ == "__main__":
    import ctypes
    import os
    import runpy
    import threading
    import time

    library, go = ctypes.PyDLL(sys.argv[1]), sys.argv[2]
    names = {name: name for name in ("", *PLACES)}  # each once in memory
    library.install(
        ctypes.py_object(lambda code: names[own_place(f"{code.co_qualname} ({code.co_filename})")]),
        ctypes.py_object(names[BACKGROUND]),
    )

    def start() -> None:
        while not os.path.exists(go):
            time.sleep(0.1)
        library.start()

    threading.Thread(target=start, daemon=True).start()
    sys.path[0], sys.argv[1:] = os.getcwd(), []
    runpy.run_module("gateway", run_name="__main__", alter_sys=True)
