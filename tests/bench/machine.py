"""The machine and the moment of a measurement."""

import platform
from datetime import UTC, datetime
from pathlib import Path

import psutil


def machine() -> dict[str, str | float | None]:
    """Date, processor and kernel, and how busy the machine was just before."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.split(":", 1)[1].strip() for line in lines if "model name" in line), "unknown"
    )
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": model,
        "processors": psutil.cpu_count(),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "load_before": psutil.getloadavg()[0],
    }
