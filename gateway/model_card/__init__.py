"""The model card: source attributes of ONC HTI-1 and CHAI's Applied Model Card, for any model."""
