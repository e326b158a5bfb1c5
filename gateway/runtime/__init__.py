"""Tools for all packages: files, tasks, memory and the event loop. Imports none of them."""
