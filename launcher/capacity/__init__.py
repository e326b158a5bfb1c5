"""Engines, GPUs and gateways that a load needs: pure arithmetic on stated assumptions."""
