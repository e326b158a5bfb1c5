"""`python -m launcher` is `mmhie`, where no script of that name is installed."""

from launcher.cli.app import main

main()
