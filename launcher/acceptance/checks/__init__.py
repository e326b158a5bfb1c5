"""The checks, one file each; `launcher.acceptance.run` has their order."""
