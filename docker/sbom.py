"""What this interpreter has installed, as a CycloneDX 1.6 document: `python sbom.py NAME`."""

import json
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions

Component = dict[str, object]


def component(found: Distribution) -> Component:
    """One package: name, version, package URL, and the licence its metadata declares."""
    name = found.name.lower().replace("_", "-")
    told = found.metadata.json
    declared = str(told.get("license_expression") or told.get("license") or "")
    # Older metadata holds the whole licence text there.
    is_name = 0 < len(declared) <= 60 and "\n" not in declared
    return {
        "type": "library",
        "name": name,
        "version": found.version,
        "purl": f"pkg:pypi/{name}@{found.version}",
        **({"licenses": [{"license": {"name": declared}}]} if is_name else {}),
    }


def document(image: str, components: Iterable[Component]) -> dict[str, object]:
    """The packages in alphabetical order; nothing in it depends on when it was made."""
    unique = {str(part["purl"]): part for part in components}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": image}},
        "components": [unique[purl] for purl in sorted(unique)],
    }


if __name__ == "__main__":
    json.dump(document(sys.argv[1], map(component, distributions())), sys.stdout, indent=1)
