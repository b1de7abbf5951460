"""Checks what the collector found against the truth of a simulated network; see `bench/truth.py`.

The expected results are stated here a second time, from the documentation and the script of the
simulated network; the collector's own rules are never called for them.
"""
