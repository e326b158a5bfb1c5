"""The answer vault."""
