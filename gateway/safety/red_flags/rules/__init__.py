"""All red-flag rules, in the order in which their notices appear; each is a file of this folder."""

from pathlib import Path

from gateway.safety.red_flags.rule import Rule, read_rule

ORDER = (
    "chest_pain",
    "stroke",
    "anaphylaxis",
    "suicide",
    "overdose",
    "bleeding",
    "breathing",
    "sepsis",
    "pregnancy",
    "infant",
    "seizure",
    "cauda_equina",
    "collapse",
    "trauma",
)
RULES: tuple[Rule, ...] = tuple(
    read_rule(Path(__file__).with_name(f"{name}.toml")) for name in ORDER
)
