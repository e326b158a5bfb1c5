"""Scripts that Redis runs, one file each."""

from pathlib import Path


def script(name: str) -> str:
    return Path(__file__).with_name(f"{name}.lua").read_text("utf-8")
