"""Settings, hardware and a model become a plan: pure decisions."""
