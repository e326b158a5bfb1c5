"""Who asked what model, when, and how it ended: a chain of lines that shows what is done to it."""
