"""Red-flag rules over the user's text, and the contexts that rule matches out."""
