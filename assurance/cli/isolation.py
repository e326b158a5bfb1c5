"""`mmhie accept isolation`: check the host or container that it runs in, beside the service."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from assurance.acceptance import run
from assurance.acceptance.check import Finding
from assurance.acceptance.host import Host, is_address
from assurance.cli.acceptance_report import Out, conclude, show
from assurance.reports.report import refuse_unwritable
from gateway.cli.command import AsJson, CommandError
from gateway.settings import gateway

Hosts = Annotated[
    list[str] | None, typer.Option("--host", help="One more host:port to try; repeatable.")
]
Ports = Annotated[
    list[int] | None,
    typer.Option("--port", help="Port that is meant to be open; default: MMHIE_PORT."),
]


def isolation(
    host: Hosts = None,
    port: Ports = None,
    out: Out = Path("isolation.json"),
    as_json: AsJson = False,
) -> None:
    """Check the isolation of the host or container this runs in, and write a signed report; exit
    code 1 if a check fails."""
    refuse_unwritable(out)
    if wrong := [address for address in host or () if not is_address(address)]:
        raise CommandError(f"--host {wrong[0]} is no host:port, such as example.org:443.")
    subject = Host.here(gateway.load(), host or (), port or ())

    def tell(finding: Finding, _: object) -> None:
        if not as_json:
            show(finding)

    measured = asyncio.run(run.measured(run.ISOLATION, subject, {}, lambda *_: None, tell))
    conclude(measured, out, as_json=as_json)
