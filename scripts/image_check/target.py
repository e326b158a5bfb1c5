"""Images that can be checked."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageTarget:
    """One image: its Dockerfile, its name, its build stage and its start timeout."""

    file: str
    name: str
    stage: tuple[str, ...]
    start_s: float

    @property
    def has_engine(self) -> bool:
        """True for the image with vLLM."""
        return self.file == "llm"


GATEWAY = ImageTarget("gateway", "mmhie-gateway", (), 60)
CPU = ImageTarget("llm", "mmhie-llm", ("--target", "cpu", "--build-arg", "BASE=without-cuda"), 600)
