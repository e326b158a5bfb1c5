"""A model hub of our own: a real process that stalls, cuts, lies and refuses when it is told to."""
