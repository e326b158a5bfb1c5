"""The figures of a report of `mmhie evaluate`, for the model card.

The report is JSON whose last field, `mac`, is the HMAC-SHA256 of all before it under
MMHIE_AUDIT_KEY; of its content the card needs the model, the time and the suites' figures.
"""

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from gateway.runtime.files import FileUnusable

LARGEST_FILE_BYTES = 16 * 1024 * 1024
FORMAT = "mmhie-evaluation-1"
Share = Annotated[float, Field(ge=0, le=1)]


class Part(BaseModel):
    """A part of the report; what is not declared is not read."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Served(Part):
    """The model that was evaluated, as provenance names it; None is "not known"."""

    model: str
    revision: str | None = None
    base: str | None = None
    base_revision: str | None = None
    adapter: str | None = None
    adapter_digest: str | None = None
    quantization: str | None = None
    settings: Mapping[str, object] | None = None  # that shape an answer


class Suite(Part):
    """One figure with its 95 % interval; `value` is None where nothing could be scored."""

    name: str
    measure: str
    n: int = Field(ge=0)
    value: Share | None = None
    low: Share | None = None
    high: Share | None = None

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.name}, {self.measure}: not scored"
        between = ""
        if self.low is not None and self.high is not None:
            between = f" (95 % interval {self.low:.1%} to {self.high:.1%})"
        return f"{self.name}, {self.measure}: {self.value:.1%}{between}, n = {self.n}"


class Content(Part):
    """The report's content, as far as it is read."""

    format: str = Field(pattern=f"^{FORMAT}$")
    time: AwareDatetime
    served: Served
    suites: tuple[Suite, ...]
    is_complete: bool = True
    mac: str = ""


class Evaluation(Part):
    """A report, and whether its signature was verified."""

    content: Content
    is_verified: bool

    def is_of(self, served: Mapping[str, object]) -> bool:
        """Return whether it is of this model, as its provenance names it.

        An engine that `mmhie serve` started names its quantization, and all the rest: there every
        field has to agree. Of any other, what both know has to."""
        pairs = [(value, served.get(name)) for name, value in self.content.served]
        if self.content.served.quantization and served.get("quantization"):
            return all(ours == theirs for ours, theirs in pairs)
        return all(ours == theirs for ours, theirs in pairs if None not in (ours, theirs))


def read(path: Path, key: str | None) -> Evaluation:
    """Return the report in a file; raise FileUnusable for one that is no report, or was altered.

    Without the key, or without a signature, it is read and said to be unverified."""
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise FileUnusable(f"the report {path.name} is larger than 16 MiB")
        text = path.read_text("utf-8")
        content = Content.model_validate_json(text)
    except ValidationError:
        raise FileUnusable(f"{path.name} is no report of `mmhie evaluate`") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise FileUnusable(f"the report {path.name} cannot be read ({reason})") from None
    if key and content.mac and not is_signed(text, content.mac, key):
        raise FileUnusable(f"the report {path.name} was altered, or signed with another key")
    return Evaluation(content=content, is_verified=bool(key and content.mac))


def is_signed(text: str, proof: str, key: str) -> bool:
    """Return whether a report is, byte for byte, what was signed."""
    body = text.rpartition(',\n "mac": "')[0]
    expected = hmac.new(key.encode(), f"{FORMAT}\n{body}\n}}".encode(), hashlib.sha256).hexdigest()
    is_whole = text == f'{body},\n "mac": "{proof}"\n}}\n'
    return is_whole and hmac.compare_digest(proof.encode(), expected.encode())
