"""Programs in front of a gateway as a person or a framework uses them."""
