"""Chest pain now."""

from gateway.safety.rule import Rule, near, signs

RULE = Rule(
    id="MED101",
    summary="Chest pain now",
    message="The text may describe chest pain that is happening now: call {contact} at once.",
    signs={
        "en": signs(
            ("chest",),
            strong=(near(r"crushing|squeezing|severe", r"chest"),),
            weak=(r"chest (?:pain|pressure|tightness)",),
        ),
    },
)
