"""What is on the wire: requests, responses, events."""
