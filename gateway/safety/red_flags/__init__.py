"""Red flags in what the caller wrote: rules, and the triggers that rule them out."""
