"""What the gateway and the router cost in processor time: measured, in one place.

`python -m tests.bench --quick` on the project's shared 2-core machine gave 0.20-0.22 ms for a
request and 23 (256 streams at once) to 35 us (64 streams) for a chunk of a stream; quiet and busy
runs lie between 0.15 and 0.5 ms. docs/performance.md has the machine and the method.
"""

from typing import Final

REQUEST_S: Final = 0.3e-3
CHUNK_S: Final = 35e-6
# vllm-router 0.1.17, same kind of machine: 0.07 ms and 22-31 us.
ROUTER_REQUEST_S: Final = 0.07e-3
ROUTER_CHUNK_S: Final = 31e-6
WORKER_MIB: Final = 70


def gateway_cores(rate: float, chunks: float) -> float:
    """Processors busy with `rate` requests and `chunks` chunks a second."""
    return rate * REQUEST_S + chunks * CHUNK_S


def router_cores(rate: float, chunks: float) -> float:
    """The same of the router, which uses several processors by itself."""
    return rate * ROUTER_REQUEST_S + chunks * ROUTER_CHUNK_S
