"""`mmhie fetch`: download a model and its base into the hub's cache, and check them."""

import os
import sys
from typing import Annotated

import typer

from gateway.cli.command import AsJson, put
from launcher.models import fetching
from launcher.settings import hub_cache, load
from launcher.terminal.progress import ProgressDisplay

Name = Annotated[str | None, typer.Argument(help="Hub id; default: MMHIE_REASONER_MODEL.")]
Revision = Annotated[
    str | None, typer.Option(help="Commit, branch or tag; default: MMHIE_REASONER_REVISION.")
]
Update = Annotated[bool, typer.Option(help="Take the branch's newest commit.")]
Wait = Annotated[bool, typer.Option(help="Download nothing; wait until another process has.")]


def fetch(
    name: Name = None,
    revision: Revision = None,
    update: Update = False,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Download a model, with its base if it is an adapter; resume an interrupted download."""
    settings = load(os.environ)
    if name:
        chosen = {"reasoner_model": name, "reasoner_model_test_override": None}
        settings = settings.model_copy(update={**chosen, "reasoner_revision": revision})
    elif revision:
        settings = settings.model_copy(update={"reasoner_revision": revision})
    display = ProgressDisplay(sys.stderr)
    if wait:
        fetched = fetching.wait_until_whole(settings, hub_cache(), display.step)
    else:
        fetched = fetching.fetch(settings, hub_cache(), display.step, update=update)
    document = {"folder": str(fetched.folder), "base": fetched.base}
    put(str(fetched.folder), document, as_json=as_json)
