"""From settings to a trail; a file that another key wrote is found before anything listens."""

from gateway.audit.file import AuditFile, ChainBroken, event
from gateway.audit.trail import Alarm, Trail, WrittenTrail
from gateway.safety.labels import GATEWAY_VERSION
from gateway.settings import GatewaySettings, SettingsError


def file_of(settings: GatewaySettings) -> AuditFile | None:
    """The trail's file; None when none is configured."""
    if settings.audit_file is None or settings.audit_key is None:
        return None
    return AuditFile(
        settings.audit_file,
        key=settings.audit_key.get_secret_value(),
        rotate_bytes=settings.audit_rotate_bytes,
        fsync=settings.audit_fsync,
    )


def check(settings: GatewaySettings) -> None:
    """Raises SettingsError when the trail cannot be gone on with. A disk that is full or read-only
    is another matter: MMHIE_AUDIT_ON_FAILURE says what then."""
    file = file_of(settings)
    if file is None:
        return
    try:
        file.look()
    except ChainBroken as problem:
        raise SettingsError(f"MMHIE_AUDIT_FILE: {problem}.") from None
    except OSError:
        return
    finally:
        file.close()


def trail_of(settings: GatewaySettings, alarm: Alarm) -> Trail:
    """The trail these settings mean."""
    file = file_of(settings)
    if file is None:
        return Trail()
    return WrittenTrail(
        file,
        on_failure=settings.audit_on_failure,
        checkpoint_s=settings.audit_checkpoint_seconds,
        alarm=alarm,
        version=GATEWAY_VERSION,
    )


def append_event(settings: GatewaySettings, kind: str, **facts: str) -> None:
    """Append one event from outside of a gateway; raises OSError or ChainBroken."""
    file = file_of(settings)
    if file is None:
        return
    try:
        file.append([event(kind, **facts)])
        file.sync()
    finally:
        file.close()
