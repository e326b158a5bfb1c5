"""The images that can be tried."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """One image: how it is built, and how long it may take to be ready."""

    file: str
    name: str
    stage: tuple[str, ...]
    start_s: float

    @property
    def has_engine(self) -> bool:
        return self.file == "llm"


GATEWAY = Target("gateway", "mmhie-gateway", (), 60)
CPU = Target("llm", "mmhie-llm", ("--target", "cpu"), 600)
