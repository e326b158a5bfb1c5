"""Settings of the feedback on answers: where it is kept, under which key, and what it sets off."""

from collections.abc import Iterator

from pydantic import Field, SecretStr

from gateway.settings.base import SharedSettings, UserPath


class FeedbackSettings(SharedSettings):
    """Part of the gateway's settings."""

    feedback_file: UserPath | None = Field(
        None,
        description="Database (SQLite) of the feedback on answers. Unset: feedback is not taken.",
    )
    feedback_key: SecretStr | None = Field(
        None,
        description="Key that encrypts the texts of feedback: 32 random bytes in base64 "
        "(`openssl rand -base64 32`). Several, comma-separated: the first encrypts. Unset: "
        "feedback with a text is refused.",
    )
    feedback_days: float = Field(
        30, gt=0, le=3650, description="Days during which an answer can be given feedback."
    )
    feedback_hold_count: int | None = Field(
        None,
        ge=1,
        description="Answers flagged with severity `high` within MMHIE_FEEDBACK_HOLD_MINUTES that "
        "take the model out of service. Unset: never.",
    )
    feedback_hold_minutes: float = Field(
        60, gt=0, le=10_080, description="Window of MMHIE_FEEDBACK_HOLD_COUNT."
    )


def feedback_conflicts(settings: FeedbackSettings) -> Iterator[tuple[object, str]]:
    """Yield the combination that is refused, with its sentence."""
    yield (
        settings.feedback_hold_count and not settings.feedback_file,
        "MMHIE_FEEDBACK_HOLD_COUNT needs MMHIE_FEEDBACK_FILE; set that as well, or unset it.",
    )
