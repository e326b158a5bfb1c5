"""Programs that each speak for one client; they run in that client's own environment.

A driver reads the name of a case from a line of its input and writes what came of it as a line of
JSON, until its input ends. It stays alive between cases: a cancelled stream that frees the engine
does so because the client closed it.
"""
