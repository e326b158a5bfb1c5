"""Safety rules: pure functions without HTTP."""
