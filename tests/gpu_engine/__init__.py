"""Planned command lines judged by the locked GPU build of vLLM, on a machine without a GPU."""
