"""The model card: facts of the gateway and the operator's own file."""
