"""The whole service in simulated time: gateways, router, engines, and a rack that dies."""
