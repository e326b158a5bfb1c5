"""docs/surfaces.md, from the table that tests/safety holds to what happens."""

from pathlib import Path

from scripts.render.page import ROOT, prose
from tests.safety.places import page

INTRO = """# Labels on every surface

Where each surface has what belongs to an answer or to a refusal. `tests/safety/test_places.py` asks
a gateway process for every surface and outcome, with an emergency in the prompt, and looks in each
cell's place. Who leaves a JSON answer early holds nothing, and has no row.

- `header`: the response's headers. `body`: its JSON. `first`, `last`: the first event of a stream
  and the last one with labels.
- `text`: in plain text, in a paragraph of its own. `value`: what a client library returned;
  `error`: what it raised. Of a stream that is left early, `value` is its first part.
- `card`: an answer in the console, with its frames, remarks and safety notice; `page`: its top;
  `drawer`: its origin, behind the button Provenance. `screen`: what `mmhie chat` has written, the
  last two lines before the next question included; `saved`: what `/save` wrote.
- LangChain is `mmhie.langchain.ChatMMHIE`. `langchain-openai` drops the key `mmhie` and has the
  response's headers with `include_response_headers=True`; provenance is then in the audit trail.
- A refusal has the version of the disclaimer, and no answer that could be cut or have an origin. In
  plain text, provenance is in the audit trail alone (`mmhie audit show REQUEST_ID`).
- A stream that breaks has its error object in the stream, with the notices again.

"""


def pages() -> dict[Path, str]:
    return {ROOT / "docs" / "surfaces.md": f"{prose(INTRO)}{page()}"}
