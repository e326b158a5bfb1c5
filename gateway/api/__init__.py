"""The API's requests: their policy, structure and text, and the errors of FastAPI."""
