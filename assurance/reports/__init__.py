"""Signed reports: JSON under an HMAC, and a page that holds it and loads nothing."""
