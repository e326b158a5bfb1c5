"""Images that can be checked."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """One image: its Dockerfile, its name, its build stage and its start timeout."""

    file: str
    name: str
    stage: tuple[str, ...]
    start_s: float

    @property
    def has_engine(self) -> bool:
        """True for the image with vLLM."""
        return self.file == "llm"


GATEWAY = Target("gateway", "mmhie-gateway", (), 60)
CPU = Target("llm", "mmhie-llm", ("--target", "cpu", "--build-arg", "BASE=without-cuda"), 600)
