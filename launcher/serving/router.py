"""vLLM's router, which stands before several engines.

`python -m launcher.serving.router FLAG ...` runs it with its own flags. With the engines' key in
its environment it passes the key on for every path, and asks an engine whether a caller's key is
right. Its own command has no flag for the latter; without a key it drops the caller's on two paths.
"""

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Final

from launcher.errors import MissingPackage
from launcher.serving.environment import KEY

PACKAGE: Final = "vllm_router"
INSTALL: Final = "pip install vllm-router==0.1.17"
# Its /health is 503 as soon as one engine is away; this one only when all are.
HEALTH: Final = "/readiness"
# With its own defaults an engine that died would be asked for minutes, one that came back would
# stay unused for a minute, and an answer would end after half an hour. The retries (before the
# first byte, 3 s in all) outlast the second in which a dead engine is not yet known.
FLAGS: Final = (
    ("--policy", "cache_aware"),  # the engine that has the beginning of a prompt in its cache
    ("--health-check-interval-secs", "1"),
    ("--health-failure-threshold", "1"),
    ("--health-success-threshold", "1"),
    ("--worker-startup-check-interval", "1"),
    ("--retry-max-retries", "6"),
    ("--retry-initial-backoff-ms", "100"),
    ("--retry-backoff-multiplier", "2"),
    ("--request-timeout-secs", "86400"),
    ("--log-level", "warning"),
)


def check_installed() -> None:
    """Raise MissingPackage, with the line that installs the router, when it is missing."""
    if find_spec(PACKAGE) is None:
        raise MissingPackage(f"Several engines need vLLM's router: run `{INSTALL}`.")


def argv(engines: Sequence[str], *, port: int, metrics_port: int) -> tuple[str, ...]:
    """Return the command of a router on loopback before these engines."""
    flags = (part for pair in FLAGS for part in pair)
    listen = ("--host", "127.0.0.1", "--port", str(port), "--prometheus-port", str(metrics_port))
    return (sys.executable, "-m", __name__, *listen, *flags, "--worker-urls", *engines)


def main() -> None:
    from vllm_router.launch_router import launch_router, parse_router_args

    arguments = parse_router_args(sys.argv[1:])
    if key := os.environ.pop(KEY, ""):
        arguments.api_key = key
        urls = [f"{url}/v1/models" for url in arguments.worker_urls]
        vars(arguments)["api_key_validation_urls"] = urls  # an argument of its Rust class
    launch_router(arguments)


if __name__ == "__main__":
    main()
