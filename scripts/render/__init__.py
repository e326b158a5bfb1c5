"""Generated documents: each module's `pages()` returns the files as they should be."""
