"""Operator commands of the gateway: keys, hold and audit.

`launcher.cli.app` lists them among the `mmhie` commands and imports one when it runs. A command is
a function for typer; an exception with an `exit_code` is a message for the user.
"""
