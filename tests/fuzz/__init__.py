"""Hostile bytes for every place that reads what others wrote: by hypothesis, and by coverage."""
