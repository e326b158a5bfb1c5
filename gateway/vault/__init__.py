"""The answer vault: what was asked and answered, sealed to a key that the gateway does not hold."""
