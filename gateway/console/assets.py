"""The console's files, read once, with their media types and security headers."""

import hashlib
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parent / "page"
DOCS = Path(__file__).parent / "docs"  # of the API
INDEX = "index.html"
FACT = re.compile(r"\{\{(\w+)\}\}")
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
# No foreign origin, nothing inline, and (trusted types) no markup from strings: a model's output
# can only ever become text.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-cache",  # cached, and revalidated each time: an upgrade shows at once
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file with its media type and its strong entity tag."""

    body: bytes
    media: str
    etag: str

    @classmethod
    def of(cls, body: bytes, suffix: str) -> "Asset":
        return cls(body, TYPES[suffix], f'"{hashlib.sha256(body).hexdigest()[:32]}"')

    def is_known_by(self, if_none_match: str | None) -> bool:
        """Return whether the browser already has these bytes (RFC 9110, 13.1.2)."""
        tags = (part.strip().removeprefix("W/") for part in (if_none_match or "").split(","))
        return any(tag in (self.etag, "*") for tag in tags)


def load(facts: Mapping[str, object], page: Path = PAGE) -> dict[str, Asset]:
    """Return every file by its path below `page`, with the facts filled into the index."""
    files = sorted(path for path in page.rglob("*") if path.suffix in TYPES)
    bodies = {path.relative_to(page).as_posix(): path.read_bytes() for path in files}
    bodies[INDEX] = fill_in(bodies[INDEX].decode(), facts).encode()
    return {name: Asset.of(body, Path(name).suffix) for name, body in bodies.items()}


def fill_in(template: str, facts: Mapping[str, object]) -> str:
    """Replace each `{{name}}` with its escaped value; raises KeyError for an unknown name."""
    return FACT.sub(lambda match: html.escape(str(facts[match[1]])), template)
