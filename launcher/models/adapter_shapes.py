"""The check that an adapter's matrices have the shape of the base they are to be applied to."""

import re
from pathlib import Path
from typing import Final

from launcher.errors import ModelError
from launcher.models import safetensors_header
from launcher.models.facts import ModelFacts

FILE: Final = "adapter_model.safetensors"
# Sides of an attention block that are as wide as the model in every architecture that has them.
KEY: Final = re.compile(
    r".*\.layers\.(?P<layer>\d+)\..*?(?P<side>[qkv]_proj\.lora_A|o_proj\.lora_B)\.(?:\w+\.)?weight"
)


# PEFT's names: a module's pair of matrices, an embedding's, or the two of a layer's experts.
MODULE: Final = re.compile(
    r".*?(?P<module>experts(?:\.\w+)*|\w+)\.lora_(?:embedding_)?[AB](?:\.\w+)*"
)
EXPERTS: Final = ("experts", "experts.base_layer")


def modules(adapter: Path) -> tuple[str, ...]:
    """Names of the modules that the weights in this folder change; none where there are none."""
    file = adapter / FILE
    names = safetensors_header.read(file) if file.is_file() else ()
    found = (MODULE.fullmatch(name) for name in names)
    changed = {match["module"] for match in found if match}
    return tuple(sorted({"experts" if name in EXPERTS else name for name in changed}))


def check(adapter: Path, base: ModelFacts) -> None:
    """Raise ModelError when the adapter in this folder was made for another model than the base."""
    if not (adapter / FILE).is_file():
        return
    for name, tensor in safetensors_header.read(adapter / FILE).items():
        found = KEY.fullmatch(name)
        if found is None:
            continue
        width = tensor.shape[-1 if found["side"].endswith("A") else 0]
        if width != base.hidden or int(found["layer"]) >= base.layers:
            raise ModelError(
                f"The adapter {adapter} was made for another model than {base.source}, which has "
                f"{base.layers} layers of width {base.hidden}: its layer {found['layer']} has "
                f"width {width}; set MMHIE_BASE_MODEL to the model it was trained on."
            )
