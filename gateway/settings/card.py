"""The settings of the model card."""

from pydantic import Field

from gateway.settings.base import SharedSettings, UserPath


class CardSettings(SharedSettings):
    """Settings of the model card."""

    model_card: UserPath | None = Field(
        None,
        description="TOML file with the operator's part of the model card; `mmhie card init` "
        "writes an empty one.",
    )
    protect_model_card: bool = Field(
        True,
        description="Require a key, of any scope, for /v1/mmhie/model-card. Without it a "
        "browser can open the page.",
    )
