"""The server: sockets, HTTP/1.1 connections and their limits, TLS, draining."""
