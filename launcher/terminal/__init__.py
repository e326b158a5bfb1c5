"""Terminal front end: progress, chat, Markdown, and the client of a running service."""
