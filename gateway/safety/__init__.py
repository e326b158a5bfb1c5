"""What every answer carries and what no answer may contain: pure rules, no HTTP."""
