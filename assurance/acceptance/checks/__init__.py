"""The checks, one file each; `assurance.acceptance.run` has their order."""
