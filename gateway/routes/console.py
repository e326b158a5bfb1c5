"""GET /: the console page and its files. It needs no key; the requests that it makes do."""

from fastapi import APIRouter

from gateway.console.assets import HEADERS, load
from gateway.console.files import files_router
from gateway.safety.disclaimer import Disclaimer
from gateway.settings.gateway import GatewaySettings

PREFIX = "/console/"


def make_router(
    settings: GatewaySettings, disclaimer: Disclaimer, emergency_note: str
) -> APIRouter:
    """Return the routes. Both notices are in the HTML, so that they show before any script runs."""
    has_keys = settings.keys_file or settings.jwks_file or settings.jwks_url
    facts = {
        "disclaimer": disclaimer.text,
        "emergency_note": emergency_note,
        "language": disclaimer.language,
        "max_tokens": settings.max_tokens,
        "reasoning": settings.reasoning,
        "engine": "" if has_keys else settings.engine_url,
        "keys": "required" if has_keys else "none",
        "feedback": feedback_mode(settings),
    }
    return files_router(load(facts), HEADERS, page="/", prefix=PREFIX)


def feedback_mode(settings: GatewaySettings) -> str:
    """Return `off`, `flags` (without comments) or `texts` (flags with comments)."""
    if settings.feedback_file is None:
        return "off"
    return "flags" if settings.vault_public_key is None else "texts"
