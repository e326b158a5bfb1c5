"""Faults of the engine, the machine and the callers, and the gateway's behaviour under each."""
