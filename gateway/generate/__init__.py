"""The endpoint /llm/generate."""
