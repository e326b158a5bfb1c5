"""Commands of `mmhie`, one file each; the table is in `launcher.cli.app`."""
