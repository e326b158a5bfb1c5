"""Packages of this interpreter as a CycloneDX 1.6 document: `python sbom.py NAME`."""

import json
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions

Component = dict[str, object]


def component(package: Distribution) -> Component:
    """Describe a package: name, version, package URL, and the licence its metadata declares."""
    name = package.name.lower().replace("_", "-")
    metadata = package.metadata.json
    declared = str(metadata.get("license_expression") or metadata.get("license") or "")
    # Older metadata holds the whole licence text there.
    is_name = 0 < len(declared) <= 60 and "\n" not in declared
    return {
        "type": "library",
        "name": name,
        "version": package.version,
        "purl": f"pkg:pypi/{name}@{package.version}",
        **({"licenses": [{"license": {"name": declared}}]} if is_name else {}),
    }


def document(image: str, components: Iterable[Component]) -> dict[str, object]:
    """Return the document, with the packages in alphabetical order and no time in it."""
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
