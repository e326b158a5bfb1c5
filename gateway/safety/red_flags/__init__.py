"""Red flags: emergencies that a conversation reports, found by a small classifier of sentences."""
