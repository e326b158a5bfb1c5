"""From a question to an answer, whichever form it leaves in."""
