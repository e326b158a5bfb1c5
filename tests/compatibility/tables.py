"""All shapes, by the engine they are for."""

from typing import Final

from tests.compatibility.answered import CHATS, RESPONSES, TEXTS
from tests.compatibility.gpt_oss import GPT_OSS
from tests.compatibility.refused import REFUSED
from tests.compatibility.shape import Form, Shape

SHAPES: Final = {"embedded": (*CHATS, *TEXTS, *RESPONSES, *REFUSED), "gpt-oss": GPT_OSS}


def cases(engine: str) -> list[tuple[Shape, Form]]:
    """Every shape of an engine in every form."""
    return [(shape, form) for shape in SHAPES[engine] for form in shape.forms]
