"""The model card: intended use, limits and evidence."""

from collections.abc import Mapping

from gateway.json_types import Json
from gateway.safety.disclaimer import Disclaimer
from gateway.safety.provenance import Serving

INTENDED_USE = (
    "Text drafts and summaries for licensed clinicians, who review every output before it is used."
)
NOT_INTENDED = (
    "Diagnosis or treatment decisions without review by a licensed clinician",
    "Direct advice to patients",
    "Triage or emergencies",
    "Images, signals or audio",
)
LIMITS = (
    "Outputs may be wrong, incomplete, out of date or made up, and sound sure all the same.",
    "Reasoning text is not a faithful account of how an answer came about.",
    "Guidelines, drugs and units differ between regions; the model does not know where it is used.",
    "Notices come from text patterns; that there is none means nothing.",
)
# From the authors' own pages; both are cited so that a reader can check.
KNOWN: Mapping[str, Json] = {
    "dousery/medical-reasoning-gpt-oss-20b": {
        "kind": "LoRA adapter (rank 8 on attention) for openai/gpt-oss-20b",
        "trained_on": "FreedomIntelligence/medical-o1-reasoning-SFT, English, 10,000 examples, at "
        "most 2,048 tokens each",
        "licence": "Apache-2.0",
        "author_says": (
            "Not a medical device: for educational and research purposes only",
            "Human oversight required",
            "Accuracy not guaranteed",
        ),
        "source": "https://huggingface.co/dousery/medical-reasoning-gpt-oss-20b",
    }
}
EVALUATION = (
    "No benchmark results are published by the model's author, and none were measured here."
)


def card(serving: Serving, disclaimer: Disclaimer, contact: str | None) -> Json:
    """Return the card of the served model."""
    return {
        "model": serving._asdict(),
        "intended_use": INTENDED_USE,
        "not_intended": NOT_INTENDED,
        "limits": LIMITS,
        "evaluation": EVALUATION,
        "about": KNOWN.get(serving.model),
        "disclaimer": disclaimer.as_dict,
        "contact": contact,
    }
