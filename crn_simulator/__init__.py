"""A whole fake network on loopback that can misbehave: the demo, and the test bed.

It imports nothing from the rest of the collector, so that what it holds to be true is never
computed by the code that is to be checked against it.
"""
