"""The engines' metrics as Prometheus text: only vLLM's own, of several engines as one."""

from collections.abc import Sequence

VLLM = (b"vllm:", b"# HELP vllm:", b"# TYPE vllm:")
# vLLM numbers the copies of a data-parallel group; every engine starts with 0.
FIRST = b'engine="0"'


def vllm_families(exposition: bytes) -> bytes:
    """The lines about `vllm:*`, comments included."""
    return b"".join(line for line in exposition.splitlines(keepends=True) if line.startswith(VLLM))


def merged(expositions: Sequence[bytes]) -> bytes:
    """Each family once, with the samples of every engine, told apart by their number in `engine`.

    A text whose family stands in two places is not valid (Prometheus text format 0.0.4).
    """
    families: dict[bytes, list[bytes]] = {}
    for number, exposition in enumerate(expositions):
        family: list[bytes] = []
        for line in exposition.splitlines(keepends=True):
            if line.startswith(b"# HELP "):
                is_new = line.split()[2] not in families
                family = families.setdefault(line.split()[2], [])
            if line.startswith(VLLM) and (is_new or not line.startswith(b"#")):
                family.append(line.replace(FIRST, b'engine="%d"' % number, 1))
    return b"".join(line for lines in families.values() for line in lines)
