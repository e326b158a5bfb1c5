"""The precision of the output checks, on public records and their summaries."""
