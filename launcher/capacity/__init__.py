"""How many engines, GPUs and gateways a load needs: pure arithmetic on stated assumptions."""
