"""The composition root: settings, wiring, and running until told to stop."""
