"""A start that checks itself: what is measured, how it is judged, and the signed report."""
