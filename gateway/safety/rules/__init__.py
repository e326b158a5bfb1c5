"""All red-flag rules, in the order in which their notices appear."""

from gateway.safety.rule import Rule
from gateway.safety.rules import chest_pain

RULES: tuple[Rule, ...] = (chest_pain.RULE,)
