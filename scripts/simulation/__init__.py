"""Discrete-event simulation of the service: gateways, routers, engines, and a failing rack."""
