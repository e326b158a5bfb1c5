"""Multi-node engines: the commands of each machine."""
