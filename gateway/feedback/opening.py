"""Open the feedback desk if MMHIE_FEEDBACK_FILE is set.

Otherwise SQLite is not loaded, which takes ten milliseconds and a megabyte.
"""

from contextlib import closing
from typing import TYPE_CHECKING

from gateway.settings.gateway import GatewaySettings, SettingsError
from gateway.vault.vault import sealer_of

if TYPE_CHECKING:
    from gateway.feedback.desk import FeedbackDesk
    from gateway.feedback.store import Store


def open_desk(settings: GatewaySettings) -> "FeedbackDesk | None":
    """Return the desk of these settings, or None; raise SettingsError."""
    store = open_store(settings)
    if store is None:
        return None
    from gateway.feedback.desk import FeedbackDesk

    return FeedbackDesk(store, sealer_of(settings))


def open_store(settings: GatewaySettings) -> "Store | None":
    if settings.feedback_file is None or settings.audit_key is None:
        return None
    from gateway.feedback.store import Store

    return Store(settings.feedback_file, settings.audit_key.get_secret_value())


def check(settings: GatewaySettings) -> None:
    """Raise SettingsError for a key or a file that cannot be used. A full disk does not stop the
    start."""
    store = open_store(settings)
    if store is None:
        return
    from gateway.feedback.store import StoreFailed, StoreForeign

    sealer_of(settings)
    with closing(store):
        try:
            store.find("")
        except StoreForeign as problem:
            raise SettingsError(f"MMHIE_FEEDBACK_FILE {problem}; name another file.") from None
        except StoreFailed as problem:
            if not store.path.parent.is_dir() or str(problem) == "SQLITE_NOTADB":
                raise SettingsError(
                    f"MMHIE_FEEDBACK_FILE is {store.path}: it cannot be opened as a database "
                    f"({problem}); name a file in a folder that exists."
                ) from None
