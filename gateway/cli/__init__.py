"""Operator commands of the gateway: keys, hold and audit.

`launcher.cli.app` lists them by name among the other `mmhie` commands and imports one when it is
run. The contract between the two is small: a command is a function that typer can read, and an
exception with an `exit_code` is a sentence for a person.
"""
