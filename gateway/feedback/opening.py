"""The feedback desk of a gateway, where its settings ask for one.

SQLite is a megabyte and a hundredth of a second of a start: a gateway that takes no feedback does
not load it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.settings.gateway import GatewaySettings

if TYPE_CHECKING:
    from gateway.feedback.desk import FeedbackDesk, OtherGateways


def desk_of(
    settings: GatewaySettings,
    alarm: Callable[[bool], None],
    others: "OtherGateways | None" = None,
) -> "FeedbackDesk | None":
    """Return the desk of these settings; None where feedback is not taken."""
    if settings.feedback_file is None:
        return None
    from gateway.feedback.desk import FeedbackDesk

    return FeedbackDesk.of(settings, settings.feedback_file, alarm, others)


def check(settings: GatewaySettings) -> None:
    """Raise SettingsError for a key or a file that cannot be used."""
    if settings.feedback_file is None and settings.feedback_key is None:
        return
    from gateway.feedback import desk

    desk.check(settings)
