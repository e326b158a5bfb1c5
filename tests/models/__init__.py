"""Small real models, built on this machine once and kept: one builder a file."""
