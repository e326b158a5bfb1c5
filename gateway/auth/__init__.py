"""Access control: API keys, JSON Web Tokens, scopes, CORS."""
