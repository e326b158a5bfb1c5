"""The launcher: from MMHIE_* settings to a vLLM engine that fits, starts and stays up."""
