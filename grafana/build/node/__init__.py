"""The Node dashboard: everything about one node."""
