"""The wording of notices: it quotes nothing of the conversation.

A notice never changes the answer, and it is not triage.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache

from gateway.safety.labels import GATEWAY_VERSION
from gateway.safety.red_flags.model import FILE
from gateway.safety.wording import Audience, EarlierWording, NoticeWording, Wording


def notice(
    topic: str,
    wording: Wording,
    audience: Audience,
    names: Mapping[str, str],
    *,
    is_earlier: bool = False,
) -> dict[str, str]:
    """Return the notice of a topic, with the contacts in `names`; with `is_earlier`, it says that
    the topic was raised earlier."""
    words = wording.notices[topic]
    sentences: NoticeWording | EarlierWording = wording.earlier if is_earlier else words
    message = sentences.patient if audience == "patient" else sentences.clinician
    return {
        "id": topic,
        "type": "emergency",
        "summary": words.summary,
        "message": message.format(**names, summary=words.summary),
        "not_triage": wording.not_triage,
    }


def rules_version(wording: Wording, audience: Audience, decided_by: Sequence[str]) -> str:
    """Return the gateway's version and a digest of everything else that decides on notices and
    their text: model, wording, audience, settings."""
    words = (wording.model_dump_json(), audience, *decided_by)
    digest = hashlib.sha256(b"\0".join([model_digest(), *map(str.encode, words)])).hexdigest()
    return f"{GATEWAY_VERSION}-{digest[:12]}"


@cache
def model_digest() -> bytes:
    """Return the digest of the classifier's file."""
    return hashlib.sha256(FILE.read_bytes()).digest()
