"""All red-flag rules, in the order of their ids; each is a file of this folder.

To add one: its file, its words in `gateway/safety/wording`, and texts in
`tests/gateway/safety/red_flags`: some in `hits.py` and `near_misses.py`; vignettes with the rule's
id in `corpus/`, at least five lines in `*vignettes.jsonl` and one each in `*vignettes_de.jsonl` and
`*vignettes_es.jsonl`. No line of the `*ordinary*.txt` there may raise the rule.
"""

from pathlib import Path

from gateway.safety.red_flags.rule import Rule, read_rule

RULES: tuple[Rule, ...] = tuple(
    sorted(map(read_rule, Path(__file__).parent.glob("*.toml")), key=lambda rule: rule.id)
)
