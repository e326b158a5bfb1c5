"""The benchmark of `make bench`: the gateway beside a plain relay and other proxies."""
