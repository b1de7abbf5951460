"""One visit to one node over one connection, and the controls that tell whether it can count."""
