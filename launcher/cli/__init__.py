"""One file for each word of the command line; the table is in `launcher.cli.app`."""
