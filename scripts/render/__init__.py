"""Generated documents: whole files, and blocks below the markers of pages in docs."""
