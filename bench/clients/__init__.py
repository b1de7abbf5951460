"""Clients that crawl one simulated network, to be compared; see `bench/peers.py`."""
