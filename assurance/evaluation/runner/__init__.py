"""The program that runs in Inspect's environment; of ours it imports the rules and items alone."""
