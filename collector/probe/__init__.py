"""One look at one node over one connection, and whether we could see at all."""
