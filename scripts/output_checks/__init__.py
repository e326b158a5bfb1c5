"""How often the output checks are right, on public records and their summaries."""
