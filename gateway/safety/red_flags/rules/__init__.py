"""All red-flag rules, in the order in which their notices appear."""

from gateway.safety.red_flags.rule import Rule
from gateway.safety.red_flags.rules import (
    anaphylaxis,
    bleeding,
    breathing,
    cauda_equina,
    chest_pain,
    collapse,
    infant,
    overdose,
    pregnancy,
    seizure,
    sepsis,
    stroke,
    suicide,
    trauma,
)

RULES: tuple[Rule, ...] = (
    chest_pain.RULE,
    stroke.RULE,
    anaphylaxis.RULE,
    suicide.RULE,
    overdose.RULE,
    bleeding.RULE,
    breathing.RULE,
    sepsis.RULE,
    pregnancy.RULE,
    infant.RULE,
    seizure.RULE,
    cauda_equina.RULE,
    collapse.RULE,
    trauma.RULE,
)
