"""All red-flag rules, in the order in which their notices appear; each is a file of this folder.

To add one: its file, its name in `ORDER`, and texts in `tests/gateway/safety/red_flags`: hits and
near misses in `test_rules.py`; vignettes with the rule's id in `corpus/`, at least five lines in
`vignettes.jsonl` and one each in `vignettes_de.jsonl` and `vignettes_es.jsonl`. No line of the
`*ordinary*.txt` there may raise the rule.
"""

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
