"""`python -m launcher` is `mmhie`, where no script of that name is installed."""

from launcher.cli import main

main()
