"""Open the feedback desk if MMHIE_FEEDBACK_FILE is set.

Otherwise SQLite is not loaded, which takes ten milliseconds and a megabyte.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.runtime.log import log
from gateway.settings.gateway import GatewaySettings

if TYPE_CHECKING:
    from gateway.feedback.desk import FeedbackDesk

ONE_FILE = (
    "Feedback is taken by gateways that share MMHIE_FEEDBACK_FILE with the one that gave the "
    "answer; Redis does not share answers."
)


def open_desk(
    settings: GatewaySettings, alarm: Callable[[bool], None], digest_key: bytes
) -> "FeedbackDesk | None":
    """Return the desk of these settings, or None; raise SettingsError."""
    if settings.feedback_file is None:
        return None
    if settings.redis_url is not None:
        log.warning(ONE_FILE)
    from gateway.feedback.desk import FeedbackDesk
    from gateway.feedback.store import Store
    from gateway.vault.vault import sealer_of

    return FeedbackDesk(
        Store(settings.feedback_file),
        sealer_of(settings),
        digest_key=digest_key,
        alarm=alarm,
    )


def check(settings: GatewaySettings) -> None:
    """Raise SettingsError for a key or a file that cannot be used."""
    if settings.feedback_file is None:
        return
    from gateway.feedback import store
    from gateway.vault.vault import sealer_of

    sealer_of(settings)
    store.check(settings.feedback_file)
