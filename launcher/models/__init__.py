"""Models as they lie on disk or are known by name: configs, headers, weights, digests."""
