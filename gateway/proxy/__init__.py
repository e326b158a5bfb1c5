"""The engine's OpenAI output, relayed: labels added, every other byte as the engine wrote it."""
