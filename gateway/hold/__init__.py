"""The hold: taking the model out of service while the gateway stays up."""
