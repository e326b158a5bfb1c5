"""GET /: the console page and its files. Open to anybody; its requests carry a key."""

from fastapi import APIRouter

from gateway.console.assets import HEADERS, load
from gateway.console.files import files_router
from gateway.safety.disclaimer import Disclaimer
from gateway.settings.gateway import GatewaySettings

PREFIX = "/console/"


def router_of(settings: GatewaySettings, disclaimer: Disclaimer, emergency_note: str) -> APIRouter:
    """Its routes; both notices are in the page itself, so they are read before any script has
    run."""
    has_keys = settings.keys_file or settings.jwks_file or settings.jwks_url
    facts = {
        "disclaimer": disclaimer.text,
        "emergency_note": emergency_note,
        "language": disclaimer.language,
        "max_tokens": settings.max_tokens,
        "reasoning": settings.reasoning,
        "engine": "" if has_keys else settings.engine_url,
        "keys": "required" if has_keys else "none",
        "figures": "closed" if settings.protects_metrics else "open",
        "feedback": feedback_taken(settings),
    }
    return files_router(load(facts), HEADERS, page="/", prefix=PREFIX)


def feedback_taken(settings: GatewaySettings) -> str:
    """Return what the page may offer: nothing, flags, or flags with texts."""
    if settings.feedback_file is None:
        return "off"
    return "flags" if settings.vault_public_key is None else "texts"
