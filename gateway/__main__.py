"""`python -m gateway`: the gateway in the foreground."""

import gc
import signal
import sys


def main() -> int:
    """Serve until SIGTERM; 0 after a clean stop, 2 when it cannot start."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # during the start, too
    gc.disable()  # saves a tenth of the start; freeze_heap enables it again
    from gateway import serve

    return serve.main()


if __name__ == "__main__":
    sys.exit(main())
